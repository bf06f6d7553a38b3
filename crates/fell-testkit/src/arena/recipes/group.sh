# The process group of the one whose PID was told: TERM, two seconds, KILL.
group=$(ps -o pgid= -p "$1" | tr -d ' ')
[ -n "$group" ] || exit 1
kill -s TERM -- "-$group"
turn=0
while [ $turn -lt 20 ] && kill -s 0 -- "-$group" 2>/dev/null; do
    sleep 0.1
    turn=$((turn + 1))
done
kill -s KILL -- "-$group" 2>/dev/null
exit 0
