package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pages about what is beside the command line: the library, jobs of one's own, operation. */
class ExampleDocsTest {
    private static final Path ROOT = Path.of("..");

    @ParameterizedTest
    @ValueSource(strings = {"docs/library.md", "docs/own-job.md"})
    void codeThatIsShownIsThatOfTheExamples(String page) throws IOException {
        ShownCommands shown = ShownCommands.of(page);
        if (Boolean.getBoolean("millrace.docs.write")) {
            shown.writeCode();
        }
        assertThat(shown.text())
                .as("-Dmillrace.docs.write=true puts the code into %s", page)
                .isEqualTo(shown.withCode())
                .contains("<!-- code: docs/examples/");
    }

    /** What a user copies into a pom.xml exists. */
    @ParameterizedTest
    @ValueSource(strings = {"docs/library.md", "docs/own-job.md"})
    void coordinatesAreThoseOfTheBuild(String page) throws IOException {
        Matcher dependency =
                Pattern.compile(
                                "<groupId>(.*?)</groupId>\\s*<artifactId>(.*?)</artifactId>\\s*"
                                        + "<version>(.*?)</version>")
                        .matcher(Files.readString(ROOT.resolve(page)));
        assertThat(dependency.find()).isTrue();
        String module = dependency.group(2).replace("millrace-", "");
        String parent = Files.readString(ROOT.resolve("pom.xml"));
        assertThat(parent)
                .contains(
                        "<groupId>" + dependency.group(1) + "</groupId>\n  <artifactId>millrace<",
                        "<artifactId>millrace</artifactId>\n  <version>"
                                + dependency.group(3)
                                + "</version>",
                        "<module>" + module + "</module>");
        assertThat(Files.readString(ROOT.resolve(module).resolve("pom.xml")))
                .contains("<artifactId>" + dependency.group(2) + "</artifactId>");
    }

    @Test
    void theVariablesOfTheLauncherAreExplained() throws IOException {
        assertThat(variables("docs/operating.md")).isEqualTo(variables("millrace"));
    }

    private static Set<String> variables(String file) throws IOException {
        Set<String> names = new TreeSet<>();
        Matcher name =
                Pattern.compile("\\b(MILLRACE_[A-Z_]+|JAVA_HOME)\\b")
                        .matcher(Files.readString(ROOT.resolve(file)));
        while (name.find()) {
            names.add(name.group(1));
        }
        return names;
    }
}
