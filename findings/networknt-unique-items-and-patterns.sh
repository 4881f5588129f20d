#!/usr/bin/env bash
# networknt json-schema-validator 2.0.0: 1 and 1.0 are one value for `enum` and two for `uniqueItems`, and patterns are Java's.
#
# JSON Schema 2020-12 compares numbers by their value: 1.0 is an item of "enum": [1], and [1, 1.0] breaks "uniqueItems".
# This validator does the first and not the second. Its patterns are those of java.util.regex, where the
# specification names ECMA-262: \s does not match a no-break space, and [[] and \u{61} (both valid
# there, the second with the flag u that the specification asks for) are an exception when the schema is read. A schema that another language's
# validator takes can so be refused, and the same document be judged differently.
#
# Needs a JDK 17 or later, Maven and Maven Central. Runs for about half a minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId>
  <artifactId>schema</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>com.networknt</groupId>
      <artifactId>json-schema-validator</artifactId>
      <version>2.0.0</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-nop</artifactId>
      <version>2.0.17</version>
    </dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile="$work/classpath"
cat > "$work/Judge.java" <<'JAVA'
import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;

public class Judge {
    public static void main(String[] args) {
        String[][] cases = { // schema, document, what the specification says, what is seen
            {"{\"enum\": [1]}", "1.0", "valid", "valid"},
            {"{\"uniqueItems\": true}", "[1, 1.0]", "invalid", "valid"},
            {"{\"uniqueItems\": true}", "[1, 1]", "invalid", "invalid"},
            {"{\"pattern\": \"^\\\\s$\"}", "\" \"", "valid", "valid"},
            {"{\"pattern\": \"^\\\\s$\"}", "\"\\u00a0\"", "valid", "invalid"},
            {"{\"pattern\": \"^[[]$\"}", "\"[\"", "valid", "PatternSyntaxException"},
            {"{\"pattern\": \"^\\\\u{61}$\"}", "\"a\"", "valid", "PatternSyntaxException"},
        };
        SchemaRegistry schemas = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
        boolean asDescribed = true;
        for (String[] one : cases) {
            String seen;
            try {
                seen = schemas.getSchema(one[0], InputFormat.JSON).validate(one[1], InputFormat.JSON).isEmpty() ? "valid" : "invalid";
            } catch (RuntimeException e) {
                seen = e.toString().contains("PatternSyntaxException") ? "PatternSyntaxException" : e.toString();
            }
            System.out.printf("%-26s %-10s specification: %-8s seen: %s%n", one[0], one[1], one[2], seen);
            asDescribed &= seen.equals(one[3]);
        }
        System.exit(asDescribed ? 0 : 1);
    }
}
JAVA
java -cp "$(cat "$work/classpath")" "$work/Judge.java"
echo "as described: numbers are compared by value in enum alone, and patterns are Java's"
