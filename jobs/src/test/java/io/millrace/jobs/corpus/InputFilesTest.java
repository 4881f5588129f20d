package io.millrace.jobs.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.format.Compression;
import io.millrace.operators.corpus.format.FileFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InputFilesTest {
    @TempDir Path folder;

    @BeforeEach
    void makeFiles() throws IOException {
        for (String name :
                List.of(
                        "a.jsonl",
                        "b.csv.gz",
                        "2024/a.jsonl",
                        "2024/01/c.tsv",
                        ".hidden/x.jsonl",
                        "_failures/a.jsonl.jsonl",
                        "2024/_SUCCESS")) {
            Path path = folder.resolve(name);
            Files.createDirectories(path.getParent());
            Files.writeString(path, "x");
        }
    }

    @Test
    void aFolderIsAllBelowItButWhatIsHidden() throws IOException {
        assertThat(names(folder.toString()))
                .containsExactlyInAnyOrder("a.jsonl", "b.csv.gz", "2024/a.jsonl", "2024/01/c.tsv");
        assertThat(names("file://" + folder)).hasSize(4);
    }

    @Test
    void aFileIsItself() throws IOException {
        List<InputFile> files = byName().find(folder.resolve("2024/01/c.tsv").toString());
        assertThat(files).hasSize(1);
        assertThat(files.get(0).name()).isEqualTo("c.tsv");
        assertThat(files.get(0).format())
                .isEqualTo(new FileFormat(FileFormat.Rows.CSV, '\t', Compression.NONE));
        assertThat(files.get(0).changes()).isNull();
    }

    @Test
    void aGlobNamesFilesBelowTheFolderThatItBeginsWith() throws IOException {
        assertThat(names(folder + "/**.jsonl"))
                .contains("a.jsonl", "2024/a.jsonl")
                .doesNotContain("b.csv.gz");
        assertThat(names(folder + "/2024/*.jsonl")).containsExactly("a.jsonl");
        assertThat(names(folder + "/20*/{a,b}.jsonl")).containsExactly("2024/a.jsonl");
    }

    @Test
    void whatCannotBeReadIsRefusedWithTheRemedy() throws IOException {
        assertRefused(byName(), folder + "/none", "no file or folder");
        assertRefused(byName(), folder + "/*.parquet", "no files");
        assertRefused(byName(), "s3://bucket/rows", "disks");
        Files.writeString(folder.resolve("notes.txt"), "x");
        assertRefused(byName(), folder.toString(), "notes.txt", "--rows");
        assertThat(
                        new InputFiles(FileFormat.Rows.JSONL, null, folder.resolve("out"))
                                .find(folder + "/*.txt"))
                .extracting(InputFile::name)
                .containsExactly("notes.txt");
    }

    @Test
    void aChangeIsSaid() throws IOException {
        Path path = folder.resolve("a.jsonl");
        InputFile file = byName().find(path.toString()).get(0);
        Files.writeString(path, "xy");
        assertThat(file.changes()).isEqualTo("had 1 bytes and now has 2");
        Files.writeString(path, "y");
        Files.setLastModifiedTime(
                path, java.nio.file.attribute.FileTime.fromMillis(file.modifiedMs()));
        assertThat(file.changes()).isEqualTo("now begins with other bytes");
        Files.delete(path);
        assertThat(file.changes()).isEqualTo("was deleted");
    }

    @Test
    void outputsInTheFolderOfTheInputsAreNoInputs() throws IOException {
        Path out = Files.createDirectories(folder.resolve("out"));
        Files.writeString(out.resolve("a.jsonl"), "x");
        assertThat(names(folder.toString())).hasSize(4).doesNotContain("out/a.jsonl");
        assertThat(names(folder + "/**.csv.gz")).containsExactly("b.csv.gz");
        Path link = Files.createSymbolicLink(folder.resolve("link"), out);
        assertThat(new InputFiles(null, null, link).find(folder.toString())).hasSize(4);
        assertThat(names(out.toString())).as("what is refused later").containsExactly("a.jsonl");
    }

    @Test
    void whatACorpusWroteBesideItsOutputsIsNoInput() throws IOException {
        assertRefused(byName(), folder + "/**/a.jsonl.jsonl", "no files");
        assertThat(names(folder.resolve("_failures").toString())).containsExactly("a.jsonl.jsonl");
    }

    private InputFiles byName() throws IOException {
        return new InputFiles(null, null, folder.resolve("out"));
    }

    private List<String> names(String in) throws IOException {
        return byName().find(in).stream().map(InputFile::name).toList();
    }

    private static void assertRefused(InputFiles inputs, String in, String... parts) {
        assertThatThrownBy(() -> inputs.find(in))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContainingAll(parts);
    }
}
