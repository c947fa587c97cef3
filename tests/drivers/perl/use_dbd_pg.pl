# The steps with DBI and DBD::Pg.
use strict;
use warnings;
use DBI;
use DBD::Pg qw(:async);
use JSON::PP;

$| = 1;
my $json = JSON::PP->new->canonical;
sub say_ { print $json->encode({@_}), "\n" }
sub hear { defined <STDIN> or die 'the test has ended' }

sub step {
    my ($name, $act) = @_;
    if (eval { $act->(); 1 }) {
        say_(step => $name, ok => JSON::PP::true);
    } else {
        say_(step => $name, ok => JSON::PP::false, error => "$@");
    }
}

sub expect {
    my ($got, $wanted) = @_;
    $got eq $wanted or die 'got ' . substr($got, 0, 200) . ', not ' . substr($wanted, 0, 200);
}

my $db;
sub ask { ($db->selectrow_array(shift, undef, @_))[0] }

sub words {
    my $text = 'select id, word from driver_steps where id between ? and ? order by id';
    join ' ', map {"@$_"} @{$db->selectall_arrayref($text, undef, @_)};
}

sub fails {
    my ($act, $state) = @_;
    eval { $act->(); 1 } and die 'it went well, and should not';
    $db->state eq $state or die $@;
}

my @copied = map {"$_\tcopied\n"} 1001 .. 2000;

say_(driver => "DBD::Pg $DBD::Pg::VERSION");

step connect => sub {
    $db = DBI->connect('dbi:Pg:', '', '', {RaiseError => 1, PrintError => 0, AutoCommit => 1});
};
step 'simple query' => sub { expect($db->do('select 1'), 1) };

say_(step => 'ready-for-suspend');
hear();
step 'query after a suspend' => sub { expect(scalar $db->do('select 2'), 1) };

my $doubled;
step 'prepared statement' => sub {
    $doubled = $db->prepare('select ?::int * 2', {pg_prepare_now => 1});
    for my $number (0 .. 9) {
        expect($db->selectrow_array($doubled, undef, $number), 2 * $number);
    }
};

step commit => sub {
    $db->begin_work;
    $db->do("insert into driver_steps values (1, 'kept')");
    $db->commit;
    expect(words(1, 1), '1 kept');
};

step rollback => sub {
    $db->begin_work;
    $db->do("insert into driver_steps values (2, 'dropped')");
    $db->rollback;
    expect(words(2, 2), '');
};

step savepoint => sub {
    $db->begin_work;
    $db->do("insert into driver_steps values (3, 'kept')");
    $db->pg_savepoint('here');
    fails(sub { $db->do("insert into driver_steps values (3, 'twice')") }, '23505');
    $db->pg_rollback_to('here');
    $db->do("insert into driver_steps values (4, 'kept')");
    $db->commit;
    expect(words(3, 4), '3 kept 4 kept');
};

step error => sub {
    fails(sub { ask('select 1 / 0') }, '22012');
    expect(ask('select 1'), 1);
};

step 'copy in' => sub {
    $db->do('copy driver_steps from stdin');
    $db->pg_putcopydata($_) for @copied;
    $db->pg_putcopyend;
    expect(ask("select count(*) from driver_steps where word = 'copied'"), 1000);
};

step 'copy out' => sub {
    my ($line, @lines);
    $db->do('copy (select * from driver_steps where id > 1000) to stdout');
    push @lines, $line while $db->pg_getcopydata(\$line) >= 0;
    expect(join('', @lines), join('', @copied));
};

step '10000 rows' => sub {
    my $sum = 0;
    $sum += $_ for @{$db->selectcol_arrayref('select generate_series(1, 10000)')};
    expect($sum, 50005000);
};

step 'large value' => sub {
    my $value = 'x' x $ENV{VALUE_BYTES};
    ask('select ?::text', $value) eq $value or die 'another value came back';
};

step cancel => sub {
    $db->do('select pg_sleep(60)', {pg_async => PG_ASYNC});
    say_(step => 'ready-for-cancel');
    hear();
    $db->pg_cancel or die 'it was not canceled';
    expect(ask('select 1'), 1);
};

say_(step => 'ready-for-suspend');
hear();
step 'prepared statement after a suspend' => sub {
    expect($db->selectrow_array($doubled, undef, 21), 42);
};

step close => sub { $db->disconnect };
