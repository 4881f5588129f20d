package io.millrace.gpu.model.folder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ModelFoldersDocTest {
    private static final Path PAGE = Path.of("..", "docs", "model-folders.md");

    @Test
    void thePageIsWhatTheTableSays() throws IOException {
        String text = ModelFoldersDocument.text();
        if (Boolean.getBoolean("millrace.update")) {
            Files.writeString(PAGE, text);
        }
        assertThat(PAGE).as("-Dmillrace.update=true makes it anew").hasContent(text);
    }
}
