# The steps with ruby-pg.
require 'json'
require 'pg'

$stdout.sync = true

def say(**what) = puts(JSON.generate(what))

def hear = $stdin.gets || raise('the test has ended')

def step(name)
  yield
  say(step: name, ok: true)
rescue StandardError => e
  say(step: name, ok: false, error: "#{e.class}: #{e.message}")
end

def expect(got, wanted)
  raise "got #{got.inspect[0, 200]}, not #{wanted.inspect[0, 200]}" unless got == wanted
end

def fails(error_class)
  yield
rescue error_class => e
  e
else
  raise 'it went well, and should not'
end

COPIED = (1001..2000).map { |number| "#{number}\tcopied\n" }

db = nil
ask = ->(text) { db.exec(text).getvalue(0, 0) }
words = lambda do |first, last|
  text = 'select id, word from driver_steps where id between $1 and $2 order by id'
  db.exec_params(text, [first, last]).values
end
double = ->(number) { db.exec_prepared('doubled', [number]).getvalue(0, 0).to_i }

say(driver: "ruby-pg #{PG::VERSION}")

step('connect') { db = PG.connect }
step('simple query') { expect(ask['select 1'], '1') }

say(step: 'ready-for-suspend')
hear
step('query after a suspend') { expect(ask['select 2'], '2') }

step('prepared statement') do
  db.prepare('doubled', 'select $1::int * 2')
  10.times { |number| expect(double[number], 2 * number) }
end

step('commit') do
  db.transaction { db.exec("insert into driver_steps values (1, 'kept')") }
  expect(words[1, 1], [%w[1 kept]])
end

step('rollback') do
  fails(StopIteration) do
    db.transaction do
      db.exec("insert into driver_steps values (2, 'dropped')")
      raise StopIteration
    end
  end
  expect(words[2, 2], [])
end

step('savepoint') do
  db.transaction do
    db.exec("insert into driver_steps values (3, 'kept')")
    db.exec('savepoint here')
    fails(PG::UniqueViolation) { db.exec("insert into driver_steps values (3, 'twice')") }
    db.exec('rollback to savepoint here')
    db.exec("insert into driver_steps values (4, 'kept')")
  end
  expect(words[3, 4], [%w[3 kept], %w[4 kept]])
end

step('error') do
  fails(PG::DivisionByZero) { ask['select 1 / 0'] }
  expect(ask['select 1'], '1')
end

step('copy in') do
  db.copy_data('copy driver_steps from stdin') { COPIED.each { |line| db.put_copy_data(line) } }
  expect(ask["select count(*) from driver_steps where word = 'copied'"], '1000')
end

step('copy out') do
  lines = []
  db.copy_data('copy (select * from driver_steps where id > 1000) to stdout') do
    while (line = db.get_copy_data)
      lines << line
    end
  end
  expect(lines, COPIED)
end

step('10000 rows') do
  rows = db.exec('select generate_series(1, 10000)')
  expect(rows.column_values(0).sum(&:to_i), 50_005_000)
end

step('large value') do
  value = 'x' * Integer(ENV['VALUE_BYTES'])
  got = db.exec_params('select $1::text', [value]).getvalue(0, 0)
  raise 'another value came back' unless got == value
end

step('cancel') do
  db.send_query('select pg_sleep(60)')
  say(step: 'ready-for-cancel')
  hear
  expect(db.cancel, nil)
  fails(PG::QueryCanceled) { db.get_last_result }
  expect(ask['select 1'], '1')
end

say(step: 'ready-for-suspend')
hear
step('prepared statement after a suspend') { expect(double[21], 42) }

step('close') { db.close }
