package io.millrace.operators.corpus.output;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.FileEvent.End;
import io.millrace.operators.corpus.output.FileEvent.Staged;
import io.millrace.operators.corpus.output.FileEvent.Tally;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileAssemblyTest {
    private static final String NAME = "deep/a.csv";
    private static final FileFormat CSV = FileFormat.of(NAME, null, null);
    private static final byte[] HEADER = "n,text\n".getBytes(UTF_8);
    private static final String ATTEMPT = "this";
    private static final Tally ONE = new Tally(1, 0, 7, 3);

    @TempDir Path root;
    private OutputFolder folder;
    private FileAssembly assembly;

    @BeforeEach
    void open() {
        folder = new OutputFolder(root.resolve("out").toString());
        assembly = new FileAssembly(folder, new Columns("text", null, "answer", false), ATTEMPT);
    }

    /** So many parts that not all of them are open at a time. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 97})
    void rowsAreInOrderHoweverTheyCame(int parts) throws IOException {
        List<Integer> rows = rows(1023);
        Collections.shuffle(rows, new Random(17));
        FileState state = new FileState();
        for (int part = 0; part < parts; part++) {
            try (StagingFiles files = new StagingFiles(folder, "part" + part)) {
                for (int i = part; i < rows.size(); i += parts) {
                    files.add(NAME, answered(rows.get(i)), ONE);
                    if (i % 54 == 0) {
                        files.flush().forEach(state::take);
                    }
                }
                files.flush().forEach(state::take);
            }
        }
        assertThat(state.isComplete()).isFalse();
        state.take(new End(NAME, CSV, HEADER, rows.size(), null));
        assertThat(state.isComplete()).isTrue();
        assertThat(state.tally()).isEqualTo(new Tally(1023, 0, 7 * 1023, 3 * 1023));
        assembly.commit(state);
        assertThat(Files.readString(folder.output(NAME))).isEqualTo(expected(1023));
        assertThat(folder.failures(NAME)).doesNotExist();
    }

    @Test
    void whatWasWrittenBehindTheLastCheckpointDoesNotCount() throws IOException {
        FileState state = new FileState();
        try (StagingFiles files = new StagingFiles(folder, "one")) {
            files.add(NAME, answered(2), ONE);
            files.flush().forEach(state::take);
            files.add(NAME, answered(1), ONE);
            files.flush();
        }
        try (StagingFiles files = new StagingFiles(folder, "two")) {
            files.add(NAME, answered(1), ONE);
            files.flush().forEach(state::take);
        }
        state.take(new End(NAME, CSV, HEADER, 2, null));
        assembly.commit(state);
        assertThat(Files.readString(folder.output(NAME))).isEqualTo(expected(2));
    }

    @Test
    void aRowThatIsMissingOrThereTwiceIsNeverPassedOver() throws IOException {
        assertThatThrownBy(() -> assembly.commit(state(3, 1, 2, 2)))
                .hasMessageContaining("deep/a.csv: row 2 is staged");
        assertThatThrownBy(() -> assembly.commit(state(3, 1, 2, 4)))
                .hasMessageContaining("row 4 is staged, but it has rows 1 to 3");
        assertThatThrownBy(() -> assembly.commit(state(3, 1, 3)))
                .hasMessageContaining("row 2 is not staged");
        assertThat(folder.output(NAME)).doesNotExist();
        FileState cut = state(3, 1, 2, 3);
        Path part = Path.of(cut.parts().iterator().next().part());
        try (var channel = java.nio.channels.FileChannel.open(part, StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() - 1);
        }
        assertThatThrownBy(() -> assembly.commit(cut))
                .hasMessageContaining("before its length in the checkpoint");
    }

    @Test
    void whatWasStagedAndIsGoneIsNamed() throws IOException {
        FileState gone = state(3, 1, 2, 3);
        Path part = Path.of(gone.parts().iterator().next().part());
        Files.delete(part);
        assertThatThrownBy(() -> assembly.commit(gone))
                .isInstanceOf(OutputFaults.StagingLost.class)
                .hasMessage(part + " was deleted.");
    }

    /** A mapped index would end the JVM here. */
    @Test
    void aFullDiskUnderTheIndexIsAnError() throws IOException {
        Path index = encoding("-" + ATTEMPT + ".index");
        Files.createDirectories(index.getParent());
        Files.createSymbolicLink(index, Path.of("/dev/full"));
        FileState large = new FileState();
        int count = 270_001;
        try (StagingFiles files = new StagingFiles(folder, "one")) {
            for (int row = 1; row <= count; row++) {
                files.add(NAME, new StagedRow(row, row, HEADER, List.of(""), null, null), ONE);
            }
            files.flush().forEach(large::take);
        }
        large.take(new End(NAME, CSV, HEADER, count, null));
        assertThatThrownBy(() -> assembly.commit(large))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("No space left on device");
        assertThat(folder.output(NAME)).doesNotExist();
    }

    @Test
    void whatAnotherAttemptBeganToWriteIsRemoved() throws IOException {
        Path other = encoding("-other");
        Files.createDirectories(other.getParent());
        Files.writeString(other, "half of it");
        Path another = other.resolveSibling("x" + other.getFileName());
        Files.writeString(another, "of another file");
        assembly.commit(state(2, 1, 2));
        assertThat(other.getParent().toFile().list()).containsExactly("x" + other.getFileName());
        assertThat(Files.readString(folder.output(NAME))).isEqualTo(expected(2));
    }

    @Test
    void faultsThatStayEndTheJobWithTheirRemedy() {
        for (Exception fault :
                List.of(
                        new IOException("No space left on device"),
                        new IOException("Disk quota exceeded"),
                        new java.nio.file.AccessDeniedException("/out"),
                        new OutputFaults.StagingLost("x is gone."))) {
            Exception told = OutputFaults.of("the output of " + NAME, folder, fault);
            assertThat(told).isInstanceOf(SuppressRestartsException.class);
            assertThat(told.getCause())
                    .hasMessageContainingAll("the output of deep/a.csv", folder.root())
                    .hasMessageContaining(String.valueOf(fault.getMessage()))
                    .hasMessageMatching("(?s).*(repeat the command|start again).*");
        }
        for (Exception passing :
                List.of(
                        new IOException("Input/output error"),
                        new IllegalStateException("a fault of the program"))) {
            assertThat(OutputFaults.of(NAME, folder, passing)).isSameAs(passing);
        }
    }

    /** As many input files as there are: what is known of them is not kept. */
    @Test
    void nothingOfAFileStaysOnTheHeapOfItsWriterBehindACheckpoint() throws IOException {
        FileState state = new FileState();
        try (StagingFiles files = new StagingFiles(folder, "one")) {
            for (int round = 0; round < 3; round++) {
                for (int file = 0; file < 97; file++) {
                    files.add("f" + file, answered(round + 1), ONE);
                }
                files.flush().stream().filter(s -> s.file().equals("f54")).forEach(state::take);
                assertThat(files.known()).isZero();
            }
        }
        assertThat(state.tally()).isEqualTo(new Tally(3, 0, 21, 9));
        assertThat(state.parts()).hasSize(1);
        state.take(new End("f54", CSV, HEADER, 3, null));
        assembly.commit(state);
        assertThat(Files.readString(folder.output("f54"))).isEqualTo(expected(3));
    }

    @Test
    void whatIsThereAlreadyIsLeftAsItIs() throws IOException {
        assembly.commit(state(2, 2, 1));
        byte[] before = Files.readAllBytes(folder.output(NAME));
        OutputFolder.delete(folder.staging(NAME));
        FileState again = new FileState();
        again.take(new Staged(NAME, root.resolve("gone").toString(), 17, new Tally(2, 0, 0, 0)));
        again.take(new End(NAME, CSV, HEADER, 2, null));
        assembly.commit(again);
        assertThat(Files.readAllBytes(folder.output(NAME))).isEqualTo(before);
    }

    @Test
    void failuresAreAsideWithWhatTheirRowsWere() throws IOException {
        FileState state = new FileState();
        try (StagingFiles files = new StagingFiles(folder, "one")) {
            byte[] bytes = {'2', ',', (byte) 0xe9};
            files.add(NAME, new StagedRow(2, 3, bytes, List.of(), "unreadable", "why"), ONE);
            files.add(NAME, answered(1), ONE);
            files.flush().forEach(state::take);
        }
        state.take(new End(NAME, CSV, HEADER, 2, null));
        assembly.commit(state);
        assertThat(Files.readString(folder.output(NAME))).isEqualTo(expected(1));
        assertThat(Files.readString(folder.failures(NAME)))
                .isEqualTo(
                        "{\"file\":\"deep/a.csv\",\"row\":2,\"line\":3,\"code\":\"unreadable\","
                                + "\"message\":\"why\",\"original_base64\":\"Mizp\"}\n");
    }

    @Test
    void newsComeBackFromTheirBytes() throws IOException {
        for (FileEvent event :
                List.of(
                        new End(NAME, CSV, HEADER, 1023, null),
                        new End("ü", FileFormat.of("x.jsonl.gz", null, null), HEADER, 0, "why"),
                        new Staged(NAME, "/part", 1L << 40, new Tally(1, 2, 3, 1L << 50)))) {
            DataOutputSerializer out = new DataOutputSerializer(64);
            FileEventSerializer.INSTANCE.serialize(event, out);
            FileEvent read =
                    FileEventSerializer.INSTANCE.deserialize(
                            new DataInputDeserializer(out.getCopyOfBuffer()));
            assertThat(read).usingRecursiveComparison().isEqualTo(event);
        }
    }

    private Path encoding(String ending) {
        Path encoding = folder.encoding(NAME);
        return encoding.resolveSibling(encoding.getFileName() + ending);
    }

    private FileState state(long count, int... staged) throws IOException {
        FileState state = new FileState();
        String part = "part" + staged.length + IntStream.of(staged).sum();
        try (StagingFiles files = new StagingFiles(folder, part)) {
            for (int row : staged) {
                files.add(NAME, answered(row), ONE);
            }
            files.flush().forEach(state::take);
        }
        state.take(new End(NAME, CSV, HEADER, count, null));
        return state;
    }

    private static List<Integer> rows(int count) {
        return new ArrayList<>(IntStream.rangeClosed(1, count).boxed().toList());
    }

    /** Some are longer than what is read at a time. */
    private static StagedRow answered(int number) {
        String text = number % 17 == 0 ? "x".repeat(100 * number) : "x";
        byte[] row = (number + "," + text).getBytes(UTF_8);
        return new StagedRow(number, number + 1, row, List.of("a" + number), null, null);
    }

    private static String expected(int count) {
        StringBuilder text = new StringBuilder("n,text,answer\n");
        for (int number = 1; number <= count; number++) {
            text.append(new String(answered(number).row(), UTF_8)).append(",a").append(number);
            text.append('\n');
        }
        return text.toString();
    }
}
