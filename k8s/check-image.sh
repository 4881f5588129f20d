#!/usr/bin/env bash
# Checks the layers of k8s/Dockerfile that are ours, without Docker: what it copies is laid into a bare Debian with a
# JRE beside Flink's single jars, and runs as uid 9999 with a read-only root: as a session cluster that takes the job
# by `flink run`, and as an application cluster, which is what the operator starts. The tokens of one
# answer of each are those of ./millrace generate. Flink's base image itself, its scripts and its plugins are not tried.
#
#   sudo k8s/check-image.sh SYSTEM
#
# SYSTEM is made in twenty seconds, packages unpacked and not set up, by
#
#   mmdebstrap --mode=root --variant=extract --include=openjdk-17-jre-headless,bash,coreutils,dash bookworm SYSTEM
#
# or, set up as well, by: debootstrap --variant=minbase --include=openjdk-17-jre-headless bookworm SYSTEM
# Needs root (chroot, mounts), a build (mvn -Pfast package), and Maven for one jar of Flink's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
system="$(readlink -f "${1:?check-image.sh SYSTEM}")"
work="$(mktemp -d)"
root="$work/root"
# Its own path: the link in /usr/bin is made where the package is set up.
java_home="$(cd "$system" && find usr/lib/jvm -maxdepth 1 -type d -name 'java-*' | head -1)"
[[ -x "$system/$java_home/bin/java" ]] || { echo "check-image.sh: there is no Java in $system." >&2; exit 1; }
broker_port=19092
rest_port=18081
processes=()

fail() {
    echo "check-image.sh: $*" >&2
    tail -n 15 "$work"/*.log >&2 || true
    exit 1
}

stop() {
    for each in "${processes[@]}"; do kill "$each" 2>/dev/null || true; done
    for each in "${processes[@]}"; do wait "$each" 2>/dev/null || true; done
    processes=()
}

clean() {
    stop
    for each in proc etc/hosts tmp opt/flink/log opt/flink models .; do umount "$root/$each" 2>/dev/null || true; done
    # Nothing below a mount that is still there.
    rm -rf --one-file-system "$work"
}
trap clean EXIT

# The image: what the last stage copies, where it copies it.
image="$work/image"
mkdir -p "$image/opt/flink/lib" "$image/opt/flink/usrlib" "$image/opt/flink/log" "$image/opt/flink/conf"
# shellcheck disable=SC2086 # The source may be a pattern.
while read -r from to; do
    if [[ "$from" == */ ]]; then cp -r "$from." "$image$to"; else cp $from "$image$to"; fi
done < <(sed -n '/^FROM flink:/,$ s/^COPY \(.*\) \(\/.*\)$/\1 \2/p' k8s/Dockerfile)
added=$(du -sb --apparent-size "$image/opt/flink/lib" "$image/opt/flink/usrlib" | awk '{sum += $1} END {print sum}')
[[ "$added" -le 80000000 ]] || fail "the image adds $added bytes, more than 80 MB."

# What the base image has: Flink, here as single jars. Application clusters are in a jar of their own.
cp dist/embedded/*.jar "$image/opt/flink/lib/"
mvn -q -B -ntp org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
    -Dartifact=org.apache.flink:flink-container:2.3.0 -DoutputDirectory="$image/opt/flink/lib"

# The flags of k8s/base/flink.yaml, the settings of flink-conf.
mapfile -t flags < <(sed -n '/env.java.opts.all:/,/^    [^ ]/ s/^      \(-.*\)$/\1/p' k8s/base/flink.yaml)
[[ "${#flags[@]}" -gt 10 ]] || fail "k8s/base/flink.yaml has no flags for Java."
sed -e "s/port: 6123/port: 16123/" -e "s/size: 8g/size: 2g/" -e "s/interval: 5s/interval: 1s/" \
    -e "s/^  bind-address: localhost/&\n  port: $rest_port/" flink-conf/config.yaml >"$image/opt/flink/conf/config.yaml"
cat >"$image/opt/flink/conf/log4j.properties" <<'END'
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.type = Console
appender.console.name = Console
END

mkdir -p "$root" "$system/opt/flink" "$system/models"
touch "$system/etc/hosts"
# As a container's runtime writes it.
printf '127.0.0.1 localhost %s\n' "$(hostname)" >"$work/hosts"
chmod 644 "$work/hosts"
mount --bind "$system" "$root"
mount -o remount,bind,ro "$root"
mount --bind "$image/opt/flink" "$root/opt/flink"
mount -o remount,bind,ro "$root/opt/flink"
mount --bind models "$root/models"
mount -o remount,bind,ro "$root/models"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=1777 tmpfs "$root/opt/flink/log"
mount --bind "$work/hosts" "$root/etc/hosts"
mount -t proc proc "$root/proc"
[[ "$(chroot --userspec=9999:9999 "$root" sh -c 'id -u; touch /opt/flink/lib/x /x 2>/dev/null || echo refused')" == $'9999\nrefused' ]] ||
    fail "the root can be written."

line() { # line CLASS ARGUMENT...: sets the command that runs it in the image, as its user
    command=(chroot --userspec=9999:9999 "$root" /usr/bin/env -i "PATH=/usr/bin:/bin:/$java_home/bin" HOME=/tmp DJL_CACHE_DIR=/tmp/djl
        FLINK_CONF_DIR=/opt/flink/conf FLINK_LIB_DIR=/opt/flink/lib
        java "${memory[@]}" "${flags[@]}" -Dlog4j.configurationFile=/opt/flink/conf/log4j.properties
        -cp '/opt/flink/lib/*' "$@")
}

java() {
    line "$@"
    "${command[@]}"
}

start() { # start NAME CLASS ARGUMENT...
    local name=$1
    shift
    line "$@"
    "${command[@]}" >"$work/$name.log" 2>&1 &
    processes+=($!)
}

memory=(-Xmx256m)
plan="$(java org.apache.flink.runtime.util.bash.BashJavaUtils GET_TM_RESOURCE_PARAMS --configDir /opt/flink/conf 2>/dev/null |
    sed -n 's/^BASH_JAVA_UTILS_EXEC_RESULT://p')" || fail "Flink cannot work out the memory."
read -ra heap <<<"$(head -1 <<<"$plan")"
read -ra settings <<<"$(tail -1 <<<"$plan")"

taskmanager() {
    memory=("${heap[@]}")
    start "$1" org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir /opt/flink/conf "${settings[@]}"
    memory=(-Xmx400m)
}

export MILLRACE_NO_BUILD=1 MILLRACE_DATA="$work/data" MILLRACE_OPTS=-Xmx512m
# Commands without a model live for seconds, which the optimizing compiler would not pay back.
brief="-Xmx512m -XX:TieredStopAtLevel=1"
request='{"id":"image-1","prompt":"Lowest mortgage rates, reply today!\n\n### Triage\n","max_tokens":16}'
tokens() { grep -o '"token_ids":\[[0-9,]*\]'; }
expected="$(printf 'Lowest mortgage rates, reply today!\n\n### Triage\n' |
    ./millrace generate --device cpu --model models/triage --prompt - --id image-1 --max-tokens 16 --json | tokens)"

ask() { # ask NAME: one request to the topics of NAME
    printf '%s\n' "$request" | MILLRACE_OPTS=$brief ./millrace submit --bootstrap-servers "localhost:$broker_port" --topic "$1-prompts" - \
        >"$work/$1-submit.log" 2>&1 || fail "submit failed."
    MILLRACE_OPTS=$brief ./millrace results --bootstrap-servers "localhost:$broker_port" --topic "$1-answers" \
        --dead-letter-topic "$1-dead-letters" --from-beginning --max 1 --timeout 120s --json >"$work/$1-results.log" 2>&1 ||
        fail "there is no answer of the $1 cluster."
    [[ "$(tokens <"$work/$1-results.log")" == "$expected" ]] || fail "the answer of the $1 cluster is not $expected."
    echo "$1: $(grep -o '"text":"[^"]*"' "$work/$1-results.log"), $expected"
}

job() { # job NAME: the arguments of the job
    printf '%s\n' run --bootstrap-servers="localhost:$broker_port" --create-topics --device=cpu --model=/models/triage \
        --application-id="$1" --input-topics="$1-prompts" --output-topic="$1-answers" --dead-letter-topic="$1-dead-letters"
}

await() { # await LOG PATTERN
    for _ in $(seq 240); do
        if grep -q "$2" "$work/$1.log" 2>/dev/null; then return; fi
        sleep 0.5
    done
    fail "$1 does not say '$2'."
}

MILLRACE_OPTS=$brief ./millrace broker --port "$broker_port" >"$work/broker.log" 2>&1 &
broker=$!
trap 'kill "$broker" 2>/dev/null || true; clean' EXIT
await broker "a broker runs"

memory=(-Xmx400m)
start jobmanager org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint --configDir /opt/flink/conf
taskmanager taskmanager
await taskmanager "Successful registration"
mapfile -t arguments < <(job session)
java org.apache.flink.client.cli.CliFrontend run -d /opt/flink/usrlib/millrace-jobs.jar "${arguments[@]}" >"$work/client.log" 2>&1 ||
    fail "flink run failed."
for each in "${processes[@]}"; do
    [[ "$(ps -o uid= -p "$each" | tr -d ' ')" == 9999 ]] || fail "a process of Flink is not of uid 9999."
done
ask session
stop

mapfile -t arguments < <(job application)
start application-jobmanager org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint \
    --configDir /opt/flink/conf --job-classname io.millrace.jobs.Millrace "${arguments[@]}"
taskmanager application-taskmanager
await application-jobmanager "Completed checkpoint"
ask application
stop
kill "$broker" && wait "$broker" 2>/dev/null || true
echo "The image adds $added bytes; JobManager, TaskManager and client ran as uid 9999 with a read-only root."
