import time

time.sleep(1)  # BAD
time.sleep(0.01)  # polls: the log, which nothing announces
server.query("select pg_sleep(1)")
