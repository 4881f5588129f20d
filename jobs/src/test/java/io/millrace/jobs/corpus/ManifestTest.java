package io.millrace.jobs.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.Progress;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.OutputFolder;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ManifestTest {
    private static final Instant NOW = Instant.parse("2026-11-22T18:00:00Z");

    @TempDir Path folder;
    private Path path;

    @BeforeEach
    void writeOne() throws IOException {
        path = Files.createDirectories(folder.resolve("out/.millrace")).resolve(Manifest.FILE);
        manifest(17, "head").requireModel("the model");
    }

    @Test
    void theSameIsTaken() throws IOException {
        Manifest read = Manifest.read(path);
        read.requireSame(manifest(17, "head"));
        read.requireModel("the model");
        assertThat(read.now()).isEqualTo(NOW);
        assertThat(read.summary()).isNull();
        read.finish(new Manifest.Summary(1, 2, 3, 4, 5, 0, 0));
        assertThat(Manifest.read(path).summary())
                .isEqualTo(new Manifest.Summary(1, 2, 3, 4, 5, 0, 0));
    }

    @Test
    void aFileThatIsAnotherIsNamedWithItsField() throws IOException {
        Manifest read = Manifest.read(path);
        assertThatThrownBy(() -> read.requireSame(manifest(18, "head")))
                .hasMessageContaining(
                        "a.jsonl was changed since the beginning: size was 17 and is 18");
        assertThatThrownBy(() -> read.requireSame(manifest(17, "other")))
                .hasMessageContaining("sha256_of_first_64_kib was \"head\" and is \"other\"");
    }

    @Test
    void anotherConstraintIsRefusedWithBoth() throws IOException {
        String schema = "{\"type\":\"object\",\"description\":\"" + "x".repeat(1023) + "\",";
        String then = schema + "\"required\":[\"label\"]}";
        String now = schema + "\"required\":[\"subject\"]}";
        Path other = path.resolveSibling("other.json");
        manifest(other, "--json-schema", then).requireModel("the model");
        Manifest read = Manifest.read(other);
        read.requireSame(manifest(other, "--json-schema", then));
        assertThatThrownBy(() -> read.requireSame(manifest(other, "--json-schema", now)))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContaining("was begun with --json-schema ...xxx")
                .hasMessageContaining("\"required\":[\"label\"]} (from character ")
                .hasMessageContaining("and this is --json-schema ...xxx")
                .hasMessageContaining("\"required\":[\"subject\"]} (from character ");
        assertThatThrownBy(() -> read.requireSame(manifest(other, "--regex", "[a-z]+")))
                .hasMessageContaining("was begun with no --regex, and this is --regex [a-z]+");
        assertThatThrownBy(() -> read.requireSame(manifest(other, "--json-schema", null)))
                .hasMessageContaining("and this is no --json-schema");
    }

    private static Manifest manifest(Path path, String option, String value) throws IOException {
        Map<String, String> options = new HashMap<>();
        options.put(option, value);
        return Manifest.of(path, NOW, options, List.of());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"version\" : 2 | \"version\" : 7  | has the version 7",
                "\"now\" :       | \"then\" :       | it has no field now",
                "18:00:00        | six              | its field now is '2026-11-22TsixZ'",
                "\"options\"     | \"choices\"      | it has no field options",
                "\"files\"       | \"rows\"         | it has no field files",
                "\"name\"        | \"names\"        | it has no field name",
                "\"a.jsonl\"     | 17               | its field name is 17",
                "}               | ]                | it is not JSON",
            })
    void whatIsDamagedIsSaidByItsField(String part, String other, String message)
            throws IOException {
        Files.writeString(path, Files.readString(path).replaceFirst(part, other));
        assertThatThrownBy(() -> Manifest.read(path).requireSame(manifest(17, "head")))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContaining(path.toString())
                .hasMessageContaining(message)
                .hasMessageContaining("start again with another output folder");
    }

    @Test
    void aSummaryThatIsDamagedIsSaidByItsField() throws IOException {
        Manifest.read(path).finish(new Manifest.Summary(1, 2, 3, 4, 5, 0, 0));
        Files.writeString(path, Files.readString(path).replace("\"tokens\"", "\"words\""));
        Manifest read = Manifest.read(path);
        assertThatThrownBy(read::summary).hasMessageContaining("it has no field tokens");
    }

    @Test
    void stateWithoutItsManifestIsRefused() throws IOException {
        Files.delete(path);
        Path checkpoint = path.resolveSibling("state/corpus/0123/chk-7");
        Files.createDirectories(checkpoint);
        Files.writeString(checkpoint.resolve("_metadata"), "");
        assertThatThrownBy(this::openRun)
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContaining(path + " is missing, but its corpus was begun")
                .hasMessageContaining("Restore the file, or start again");
    }

    /** What came to no checkpoint is nothing. */
    @Test
    void aFolderInWhichNothingWasAnsweredIsBegunAnew() throws IOException {
        Files.delete(path);
        Files.createDirectories(path.resolveSibling("state/corpus/0123"));
        openRun();
        assertThat(path.resolveSibling("state/corpus/lock")).exists();
    }

    private void openRun() throws IOException {
        OutputFolder out = new OutputFolder(folder.resolve("out").toString());
        Progress progress = new Progress(new PrintStream(PrintStream.nullOutputStream()));
        try (CorpusRun run = new CorpusRun(out, "out", List.of(), progress)) {
            run.open((at, begun) -> manifest(17, "head"));
        }
    }

    private Manifest manifest(long size, String head) throws IOException {
        FileFormat format = FileFormat.of("a.jsonl", null, null);
        InputFile file = new InputFile("a.jsonl", "/in/a.jsonl", size, 5, head, format);
        return Manifest.of(path, NOW, Map.of("--chat", "true"), List.of(file));
    }
}
