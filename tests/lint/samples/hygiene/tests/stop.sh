pkill -f pgballast  # BAD
sleep 1             # BAD
kill "$pid"
