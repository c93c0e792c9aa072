# Runs a PostgreSQL server for as long as standard input is open.
#
#   serve.sh BIN DIR PORT
#
# Prints "ready PID" once it answers. A line on standard input ends it in order and keeps DIR; the end of the input, which is
# also the end of whoever started this, stops it at once and deletes DIR.
set -eu
bin=$1 dir=$2 port=$3
cd "$dir"
if ! [ -e data/PG_VERSION ]; then
  printf 'secret\n' >password
  # An order of text that is not that of bytes, as most servers have it.
  "$bin/initdb" --no-sync --auth=scram-sha-256 --username=postgres --pwfile=password --encoding=UTF8 \
    --locale=C --locale-provider=icu --icu-locale=en-US data >server.log 2>&1
  cat >>data/postgresql.conf <<EOF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 300
dynamic_shared_memory_type = mmap
log_min_messages = warning
log_checkpoints = off
jit = off
EOF
fi
# After a kill the old server's processes need a moment to notice.
tries=0
until "$bin/pg_ctl" start --wait --timeout=60 --silent --pgdata=data --log=server.log >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ $tries -lt 50 ] || exit 1
  sleep 0.1
done
echo "ready $(head -n 1 data/postmaster.pid)"
if read -r _; then
  "$bin/pg_ctl" stop --wait --mode=fast --silent --pgdata=data >/dev/null 2>&1 || :
else
  "$bin/pg_ctl" stop --wait --mode=immediate --silent --pgdata=data >/dev/null 2>&1 || :
  cd /
  rm -rf "$dir"
fi
