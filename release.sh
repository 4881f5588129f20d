#!/usr/bin/env bash
# Makes a release of the commit that is checked out: millrace-<version>.tar.gz, with which a machine needs a Java
# runtime and nothing else.
#
#   release.sh [--cpu-only] [--output FOLDER]
#
#   --cpu-only   without GPU kernels; the file is millrace-<version>-cpu-only.tar.gz
#   --output     where the files go (target/release)
#
# Beside it lie its checksum (.sha256) and its bill of materials (.cdx.json, CycloneDX). Two builds of one commit with
# the same JDK and nvcc have the same bytes. Needs a JDK 17 or later, git, the network for Maven, and nvcc of CUDA 13.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

fail() {
    echo "release.sh: $*" >&2
    exit 1
}

cpu_only=""
output="$root/target/release"
while [[ $# -gt 0 ]]; do
    case "$1" in
        --cpu-only) cpu_only=yes ;;
        --output)
            [[ $# -ge 2 ]] || fail "--output needs a folder."
            output="$2"
            shift
            ;;
        *) fail "'$1' is no option: release.sh [--cpu-only] [--output FOLDER]." ;;
    esac
    shift
done

[[ -z "$(git -C "$root" status --porcelain --untracked-files=no)" ]] ||
    fail "files differ from the commit that is checked out: commit or stash them, a release is made of a commit."
commit="$(git -C "$root" rev-parse --short=12 HEAD)"
when="$(git -C "$root" log -1 --format=%ct)"
mvn="$(command -v mvn)" || mvn="$root/mvnw"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir -p "$output" "$work/source"
# Built from the commit alone, so that nothing else that lies in the checkout gets in.
git -C "$root" archive HEAD | tar -x -C "$work/source"
if [[ -n "$cpu_only" ]]; then export NVCC=none; fi
(cd "$work/source" && "$mvn" -q -B -ntp -Dstyle.color=never -Pfast package org.cyclonedx:cyclonedx-maven-plugin:makeAggregateBom) || fail "the build failed, see above."

version="$(sed -n 's/^version=millrace //p; s/^version=//p' "$work/source/jobs/target/classes/io/millrace/jobs/cli/version.properties")"
name="millrace-$version${cpu_only:+-cpu-only}"
here="$work/$name"

engine="$work/source/dist/lib/millrace-gpu-$version.jar"
kernels="$(jar tf "$engine" | grep -c '\.fatbin$' || true)"
if [[ -n "$cpu_only" ]]; then
    [[ "$kernels" -eq 0 ]] || fail "$engine has GPU kernels although --cpu-only was asked for."
else
    [[ "$kernels" -gt 0 ]] || fail "the build has no GPU kernels, since there is no nvcc here: install CUDA 13, set NVCC to its nvcc, or make one for CPUs alone with --cpu-only."
fi

# The same layout as a checkout that is built, so that the commands of the docs hold in both.
mkdir "$here"
cp -a "$work/source"/{millrace,dist,docs,models,flink-conf,k8s,monitoring,README.md,CHANGELOG.md,SECURITY.md,LICENSE,NOTICE} "$here"
cp "$work/source/target/bom.json" "$here/sbom.cdx.json"
{
    echo "version=$version"
    echo "commit=$commit"
    echo "kernels=$kernels"
} >"$here/RELEASE"

# Order, times, owners and modes are the commit's, not the machine's.
chmod -R u=rwX,go=rX "$here"
tar --sort=name --mtime="@$when" --owner=0 --group=0 --numeric-owner --format=gnu -C "$work" -cf - "$name" | gzip -n -9 >"$work/$name.tar.gz"
mv "$work/$name.tar.gz" "$output/$name.tar.gz"
cp "$here/sbom.cdx.json" "$output/$name.cdx.json"
(cd "$output" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "$output/$name.tar.gz: $(($(stat -c %s "$output/$name.tar.gz") / 1000000)) MB, commit $commit, $kernels files of GPU kernels"
