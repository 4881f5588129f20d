#!/usr/bin/env bash
# Flink 2.3.0: of a .bz2 file that holds several bzip2 streams, a file source reads the first one and takes its end for the end of the file.
#
# A bzip2 file may be a sequence of streams; bzip2 -d, Python's bz2 and Spark read all of them. `cat a.bz2 b.bz2` makes such a file, and so do
# the parallel compressors (pbzip2, lbzip2: a stream for each 900 kB). Flink's FileSource with TextLineInputFormat opens a .bz2 by its name and
# ends after the first stream: the job finishes, all records behind it are missing, and no log line or metric says so. The same two lines as
# two members of a .gz and as two streams of an .xz are read whole.
#
# Needs a JDK 17, Maven and Maven Central. Runs for about half a minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId>
  <artifactId>streams</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.flink</groupId>
      <artifactId>flink-clients</artifactId>
      <version>2.3.0</version>
    </dependency>
    <dependency>
      <groupId>org.apache.flink</groupId>
      <artifactId>flink-connector-files</artifactId>
      <version>2.3.0</version>
    </dependency>
    <dependency>
      <groupId>org.tukaani</groupId>
      <artifactId>xz</artifactId>
      <version>1.10</version>
    </dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile="$work/classpath"
cat > "$work/Streams.java" <<'JAVA'
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.OutputStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.compressors.CompressorStreamFactory;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.CloseableIterator;

public class Streams {
    public static void main(String[] args) throws Exception {
        Map<String, String> formats = new LinkedHashMap<>();
        formats.put("gz", CompressorStreamFactory.GZIP);
        formats.put("xz", CompressorStreamFactory.XZ);
        formats.put("bz2", CompressorStreamFactory.BZIP2);
        Map<String, List<String>> read = new LinkedHashMap<>();
        for (Map.Entry<String, String> format : formats.entrySet()) {
            java.nio.file.Path file = java.nio.file.Path.of(args[0], "lines." + format.getKey());
            try (OutputStream out = Files.newOutputStream(file)) {
                for (String line : List.of("of the first stream\n", "of the second stream\n")) {
                    OutputStream each =
                            new CompressorStreamFactory()
                                    .createCompressorOutputStream(format.getValue(), new Unclosed(out));
                    each.write(line.getBytes(UTF_8));
                    each.close();
                }
            }
            read.put(format.getKey(), lines(file));
            System.out.println("lines." + format.getKey() + ": " + read.get(format.getKey()));
        }
        List<String> both = List.of("of the first stream", "of the second stream");
        boolean asDescribed =
                read.equals(Map.of("gz", both, "xz", both, "bz2", List.of("of the first stream")));
        Runtime.getRuntime().halt(asDescribed ? 0 : 1);
    }

    private static List<String> lines(java.nio.file.Path file) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        FileSource<String> source =
                FileSource.forRecordStreamFormat(
                                new TextLineInputFormat(), Path.fromLocalFile(file.toFile()))
                        .build();
        List<String> lines = new ArrayList<>();
        try (CloseableIterator<String> records =
                env.fromSource(source, WatermarkStrategy.noWatermarks(), "lines")
                        .executeAndCollect()) {
            records.forEachRemaining(lines::add);
        }
        return lines;
    }

    /** So that a second stream can be written behind the first. */
    private static final class Unclosed extends java.io.FilterOutputStream {
        Unclosed(OutputStream out) {
            super(out);
        }

        @Override
        public void close() {}
    }
}
JAVA
java -Xmx1g -cp "$(cat "$work/classpath")" "$work/Streams.java" "$work" 2>"$work/log" || { tail -30 "$work/log" >&2; exit 1; }
echo "as described: all lines of the .gz and the .xz, those of the first stream alone of the .bz2"
