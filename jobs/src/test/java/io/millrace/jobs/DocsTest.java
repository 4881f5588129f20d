package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class DocsTest {
    private static final Path OPTIONS = Path.of("..", "docs", "options.md");

    @Test
    void theOptionTablesAreWhatTheProgramTakes() throws IOException {
        String text = OptionsDocument.text();
        if (Boolean.getBoolean("millrace.docs.write")) {
            Files.createDirectories(OPTIONS.getParent());
            Files.writeString(OPTIONS, text);
        }
        assertThat(OPTIONS)
                .as("docs/options.md; -Dmillrace.docs.write=true makes it anew")
                .hasContent(text);
    }
}
