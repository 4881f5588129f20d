package io.millrace.gpu.device.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JCudaLibraryTest {
    @TempDir Path folder;

    @Test
    void halfAFileThatAKilledProcessLeftIsReplaced() throws Exception {
        JCudaLibrary.place(folder);
        Path file = folder.resolve(JCudaLibrary.fileName());
        byte[] whole = Files.readAllBytes(file);
        assertThat(whole).startsWith(0x7f, 'E', 'L', 'F');
        Files.write(file, Arrays.copyOf(whole, whole.length / 2));
        JCudaLibrary.place(folder);
        assertThat(file).hasBinaryContent(whole);
        assertThat(names()).containsExactly(JCudaLibrary.fileName());
    }

    @Test
    void aWholeFileIsLeftAsItIs() throws Exception {
        JCudaLibrary.place(folder.resolve("new"));
        Path file = folder.resolve("new").resolve(JCudaLibrary.fileName());
        Files.setLastModifiedTime(file, FileTime.fromMillis(97_000));
        JCudaLibrary.place(folder.resolve("new"));
        assertThat(Files.getLastModifiedTime(file)).isEqualTo(FileTime.fromMillis(97_000));
    }

    @Test
    void whereItCannotBeWrittenIsSaid() throws Exception {
        Path noFolder = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> JCudaLibrary.place(noFolder))
                .isInstanceOf(GpuException.class)
                .hasMessageContainingAll(noFolder.toString(), "java.io.tmpdir");
    }

    private Stream<String> names() throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.map(each -> each.getFileName().toString()).toList().stream();
        }
    }
}
