#!/usr/bin/env bash
# Checks a release as a user meets it: unpacked, with a Java runtime and the system's basic commands alone.
#
#   check.sh RELEASE.tar.gz [--chroot FOLDER]
#
# Without --chroot a runtime is cut from the JDK of JAVA_HOME (or of the PATH) by jlink, and the release runs in an empty
# environment whose PATH has neither Maven, nvcc nor a compiler. With it, FOLDER is a system of its own with a Java runtime, as
#
#   debootstrap --variant=minbase --include=openjdk-17-jre-headless bookworm FOLDER
#
# makes it: the release is unpacked there, and what is reported is the time from unpacking to the first answer.
set -euo pipefail

fail() {
    echo "check.sh: $*" >&2
    exit 1
}

tarball="$(readlink -f "${1:?check.sh RELEASE.tar.gz [--chroot FOLDER]}")"
chroot_folder=""
if [[ "${2:-}" == --chroot ]]; then chroot_folder="${3:?--chroot needs a folder}"; fi
name="$(basename "$tarball" .tar.gz)"
(cd "$(dirname "$tarball")" && sha256sum --quiet -c "$name.tar.gz.sha256") || fail "the checksum is another one."
size=$(stat -c %s "$tarball")
[[ "$size" -le 260000000 ]] || fail "$tarball has $size bytes, more than 260 MB."

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# Every jar is in the bill of materials with its hash, and the bill beside the release is the one inside.
tar -xzf "$tarball" -C "$work"
home="$work/$name"
cmp -s "$home/sbom.cdx.json" "$(dirname "$tarball")/$name.cdx.json" || fail "the bill of materials beside the release is another one."
while IFS= read -r jar; do
    grep -q "\"$(sha256sum "$jar" | cut -d ' ' -f 1)\"" "$home/sbom.cdx.json" || fail "$jar is not in sbom.cdx.json."
done < <(find "$home/dist" -name '*.jar')
for each in README.md docs/README.md k8s/Dockerfile flink-conf/config.yaml models/triage/config.json LICENSE NOTICE; do
    [[ -f "$home/$each" ]] || fail "$each is missing."
done
version="$(sed -n 's/^version=//p' "$home/RELEASE")"

question=(--device cpu --model models/triage --prompt "Lowest mortgage rates, reply today!")
if [[ -n "$chroot_folder" ]]; then
    there="$chroot_folder/opt"
    rm -rf "${there:?}/$name"
    begin=$(date +%s%N)
    tar -xzf "$tarball" -C "$there"
    answer="$(chroot "$chroot_folder" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/root "/opt/$name/millrace" generate --device cpu --model "/opt/$name/models/triage" --prompt "Lowest mortgage rates, reply today!")"
    end=$(date +%s%N)
    [[ -n "$answer" ]] || fail "there was no answer."
    echo "$answer"
    echo "From unpacking to the first answer: $(((end - begin) / 1000000)) ms"
    exit 0
fi

jdk="${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")}"
"$jdk/bin/jlink" --add-modules java.se,jdk.unsupported,jdk.incubator.vector,jdk.crypto.ec,jdk.zipfs,jdk.management,jdk.management.agent --output "$work/jre"
[[ ! -x "$work/jre/bin/javac" ]] || fail "the runtime has a compiler."
mkdir "$work/bin"
for each in bash env readlink dirname basename sed grep find mkdir mktemp rm mv date cat; do ln -s "$(command -v "$each")" "$work/bin/$each"; done

bare() { # bare COMMAND...: in the release's folder
    (cd "$home" && env -i PATH="$work/bin" HOME="$work" JAVA_HOME="$work/jre" TMPDIR="$work" CI="${CI:-}" "$@" </dev/null)
}

[[ "$(bare ./millrace --version)" == "millrace $version" ]] || fail "--version does not say $version."
bare ./millrace generate "${question[@]}"
demo="$(bare ./millrace demo)" || fail "the demo failed."
tail -3 <<<"$demo"
grep -Eq '^Answered +60 of 60$' <<<"$demo" || fail "the demo did not answer all."
if [[ "$(sed -n 's/^kernels=//p' "$home/RELEASE")" -eq 0 ]]; then
    words="$(bare ./millrace generate --device cuda "${question[@]:2}" 2>&1)" && fail "a release without kernels took --device cuda."
    grep -qi 'kernels' <<<"$words" || fail "--device cuda of a release without kernels says: $words"
fi
rm "$home/dist/lib/$(basename "$(find "$home/dist/lib" -name 'millrace-gpu-*.jar')")"
rm -r "$home/dist/embedded"
words="$(bare ./millrace generate "${question[@]}" 2>&1)" && fail "a release without its libraries answered."
grep -q 'unpack the release again' <<<"$words" || fail "a release without its libraries says: $words"
echo "$name: $((size / 1000000)) MB, checked"
