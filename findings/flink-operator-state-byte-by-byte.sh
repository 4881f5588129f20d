#!/usr/bin/env bash
# Flink 2.3.0: operator state is written one byte at a time.
#
# The default operator state backend hands state to its serializers through CompressibleFSDataOutputStream,
# which overrides write(int) alone. The write(byte[], int, int) that it inherits calls write(int) for each byte, and so every
# byte of a state passes one virtual call at least, although the checkpoint's own stream takes arrays. An
# operator with large list state pays for it in the synchronous and asynchronous parts of its checkpoints.
#
# The program below writes 16 MiB to a checkpoint stream, once directly and once through that class, counts
# the calls that reach the stream below, and prints both times.
#
# Needs a JDK 17 or later, Maven and Maven Central. Runs for about a minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId>
  <artifactId>flink</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.flink</groupId>
      <artifactId>flink-runtime</artifactId>
      <version>2.3.0</version>
    </dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile="$work/classpath"
cat > "$work/Count.java" <<'JAVA'
import java.io.OutputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.runtime.state.CheckpointStateOutputStream;
import org.apache.flink.runtime.state.CompressibleFSDataOutputStream;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.UncompressedStreamCompressionDecorator;

public class Count {
    /** Counts what reaches the checkpoint's stream. */
    static final class Counting extends CheckpointStateOutputStream {
        long bytes;
        long singles;
        long arrays;
        @Override public void write(int value) { bytes++; singles++; }
        @Override public void write(byte[] from, int start, int length) { bytes += length; arrays++; }
        @Override public long getPos() { return bytes; }
        @Override public void flush() {}
        @Override public void sync() {}
        @Override public void close() {}
        @Override public StreamStateHandle closeAndGetHandle() { return null; }
    }

    public static void main(String[] args) throws Exception {
        byte[] state = new byte[16 << 20];
        Counting direct = new Counting();
        long begun = System.nanoTime();
        direct.write(state, 0, state.length);
        long directNanos = System.nanoTime() - begun;

        Counting below = new Counting();
        OutputStream stream = new CompressibleFSDataOutputStream(below, new UncompressedStreamCompressionDecorator());
        begun = System.nanoTime();
        stream.write(state, 0, state.length);
        stream.flush();
        long nanos = System.nanoTime() - begun;
        System.out.printf("direct: %,d arrays, %,d single bytes, %,d us%n", direct.arrays, direct.singles, directNanos / 1000);
        System.out.printf("through CompressibleFSDataOutputStream: %,d arrays, %,d single bytes, %,d us%n", below.arrays, below.singles, nanos / 1000);
        if (direct.arrays != 1 || below.bytes != state.length || below.singles != state.length) {
            System.exit(1);
        }
    }
}
JAVA
echo "Flink 2.3.0"
java -cp "$(cat "$work/classpath")" "$work/Count.java"
echo "as described: an array of 16 MiB reaches the checkpoint's stream as 16,777,216 single bytes"
