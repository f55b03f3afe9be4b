# What install and upgrade have in common; sourced by both. Trusted: the unpacked release that this file is in.
release_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=/opt/sallyport
current=$home/current
previous=$home/previous
units=(sallyport-runner.service sallyport-api.service)
ready_attempts_max=120 # half a second apart
crashes_max=3
releases_kept=3

say() { printf '%s: %s\n' "$program" "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

require_root_and_systemd() {
  [[ $(id -u) == 0 ]] || fail "run this as root: it makes users, units and /opt/sallyport"
  [[ -d /run/systemd/system ]] || fail "this machine was not booted with systemd: use compose instead"
  [[ -x $release_folder/bin/node && -f $release_folder/RELEASE ]] ||
    fail "$release_folder is no unpacked release: make one with ./scripts/release and run its deploy/$program"
  "$release_folder/bin/node" --version >/dev/null || fail "the release is for another platform"
}

# Complete or not there, and nobody's but root's.
place_release() {
  local target=$home/releases/$1
  [[ -d $target ]] && return
  install -d -m 0755 "$home" "$home/releases"
  rm -rf "$target.new"
  cp -R "$release_folder" "$target.new" &&
    chown -R root:root "$target.new" &&
    chmod -R u=rwX,go=rX "$target.new" &&
    mv "$target.new" "$target" && return
  rm -rf "$target.new"
  fail "$1 cannot be put into $home/releases: is there room? It was not taken into use"
}

# At once: there is no moment without a release.
link() {
  ln -s "$2" "$1.new"
  mv -T "$1.new" "$1"
}

install_units() {
  local unit
  for unit in "${units[@]}"; do
    install -m 0644 "$current/deploy/systemd/$unit" "/etc/systemd/system/$unit"
  done
  systemctl daemon-reload
}

# The api first goes: it answers what runs, with the runner still there. Fails when one of them does not even start.
restart_services() {
  systemctl stop sallyport-api.service
  systemctl reset-failed "${units[@]}" 2>/dev/null || true
  systemctl restart sallyport-runner.service && systemctl start sallyport-api.service
}

keeps_crashing() {
  local count
  while read -r count; do
    [[ -z $count ]] || ((count < crashes_max)) || return 0
  done < <(systemctl show --property NRestarts --value "${units[@]}")
  return 1
}

# Of the api; without quotes.
setting() { sed -n "s/^$1=//p" /etc/sallyport/api.env 2>/dev/null | tail -n 1 | tr -d "\"'"; }

# Whether /ready answers 200: 503 says that nothing can be run.
wait_until_ready() {
  local port host
  port=$(setting SALLYPORT_PORT)
  host=$(setting SALLYPORT_HOST)
  case $host in
    '' | 0.0.0.0 | ::) host=127.0.0.1 ;;
    *:*) host="[$host]" ;;
  esac
  for ((i = 0; i < ready_attempts_max; i++)); do
    "$release_folder/bin/node" -e \
      'fetch(process.argv[1]).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))' \
      "http://$host:${port:-8080}/ready" && return
    ! keeps_crashing || return 1
    sleep 0.5
  done
  return 1
}

tell_what_happened() {
  journalctl --no-pager --lines 40 --unit sallyport-api.service --unit sallyport-runner.service >&2 || true
}
