#include "activity.hpp"

#include <cassert>
#include <cstdlib>

namespace neonsim {

// The monitor's own work is in database postgres and under its own role, which is
// why neither counts. PostgreSQL, "The Cumulative Statistics System".
const char* const activity_query = R"(
WITH client AS (
    SELECT state, state_change FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND usename <> 'cloud_admin'
), counter AS (
    SELECT sum(active_time) AS active_time, sum(sessions) AS sessions FROM pg_stat_database
    WHERE datname NOT IN ('postgres', 'template0', 'template1')
)
SELECT active_time, sessions,
    (SELECT extract(epoch FROM clock_timestamp() - max(state_change)) FROM client
     WHERE state = 'idle'),
    (SELECT count(*) FROM client WHERE state IS DISTINCT FROM 'idle')
    + (SELECT count(*) FROM pg_stat_replication)
    + (SELECT count(*) FROM pg_stat_subscription WHERE pid IS NOT NULL)
    + (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')
FROM counter)";

void activity::observe(const std::vector<std::string>& row, clock::time_point now) {
    assert(row.size() == 4);
    std::pair counters{row[0], row[1]};
    if (counters_ && *counters_ != counters)
        touch(now);
    counters_ = std::move(counters);

    if (!row[2].empty()) {
        const std::chrono::duration<double> idle{std::strtod(row[2].c_str(), nullptr)};
        touch(now - std::chrono::duration_cast<clock::duration>(idle));
    }
    if (row[3] != "0")
        touch(now);
}

}  // namespace neonsim
