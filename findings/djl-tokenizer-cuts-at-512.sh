#!/usr/bin/env bash
# DJL's tokenizers 0.38.0: a tokenizer opened with defaults cuts every text at 512 tokens.
#
# HuggingFaceTokenizer.newInstance(PATH) truncates by default, and where tokenizer.json has no limit it takes 512 (model_max_length
# of tokenizer_config.json is used only where a folder is given that has one). encode() of a longer text returns its first
# 512 ids and keeps the rest as "overflowing" encodings that are easily not looked at; the log has one warning when the
# tokenizer is opened and none when a text is cut. The Python library of the same tokenizer.json returns all ids.
# The option truncation=false ends it.
#
# Needs a JDK 17 or later, Maven and Maven Central, Linux on x86-64. Runs for about a minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId>
  <artifactId>tokenizer</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>ai.djl.huggingface</groupId>
      <artifactId>tokenizers</artifactId>
      <version>0.38.0</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>2.0.17</version>
    </dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile="$work/classpath"
mkdir "$work/model"
cat > "$work/model/tokenizer.json" <<'JSON'
{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
 "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
 "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "word": 1}, "unk_token": "<unk>"}}
JSON
cat > "$work/Cut.java" <<'JAVA'
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.nio.file.Path;
import java.util.Map;

public class Cut {
    public static void main(String[] args) throws Exception {
        Path file = Path.of(args[0]);
        String text = "word ".repeat(1000);
        int cut;
        int whole;
        try (HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(file)) {
            cut = tokenizer.encode(text).getIds().length;
        }
        try (HuggingFaceTokenizer tokenizer =
                HuggingFaceTokenizer.newInstance(file, Map.of("truncation", "false"))) {
            whole = tokenizer.encode(text).getIds().length;
        }
        System.out.println("ids of a text of 1,000 words: " + cut + ", with truncation=false: " + whole);
        if (cut != 512 || whole != 1000) {
            System.exit(1);
        }
    }
}
JAVA
DJL_OFFLINE=true RUST_FLAVOR=cpu DJL_CACHE_DIR="$work/cache" java -cp "$(cat "$work/classpath")" "$work/Cut.java" "$work/model/tokenizer.json" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
echo "what the log says when it is opened: $(grep -o 'maxLength.*' "$work/log")"
echo "as described: 512 of 1,000 ids are left"
