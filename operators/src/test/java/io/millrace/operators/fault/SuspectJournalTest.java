package io.millrace.operators.fault;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.fault.SuspectJournal.Suspect;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Position;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SuspectJournalTest {
    private static final Throwable CAUSE = new IllegalStateException("the kernel failed");

    @TempDir Path folder;
    private Path suspects;
    private SuspectJournal journal;

    @BeforeEach
    void open() {
        suspects = folder.resolve("deep/suspects");
        journal = SuspectJournal.open(suspects.toUri().toString());
    }

    private static Origin origin(long offset, long timestamp) {
        return new Origin(
                "prompts",
                new Position.InPartition(3, offset),
                timestamp,
                null,
                List.of(),
                new byte[0]);
    }

    private static String key(long offset) {
        return SuspectJournal.key(origin(offset, 17));
    }

    private long files() throws IOException {
        try (Stream<Path> all = Files.list(suspects)) {
            return all.count();
        }
    }

    /** What an earlier release suspected stays suspect. */
    @Test
    void aRecordKeepsItsName() {
        assertThat(key(97)).isEqualTo("98d08839b06fe534611490fc");
    }

    /** They have no offset: one bad request must not condemn all others of its stream. */
    @Test
    void requestsThatWereMadeHaveTheirIdsForNames() {
        assertThat(SuspectJournal.key(made("a")))
                .isNotEqualTo(SuspectJournal.key(made("b")))
                .isEqualTo(SuspectJournal.key(made("a")));
    }

    private static Origin made(String id) {
        return new Origin("t", new Position.Made(id), 17, null, List.of(), new byte[0]);
    }

    @Test
    void countsHowOftenARequestFailedAlone() throws Exception {
        assertThat(journal.read()).isEmpty();
        journal.write(List.of(origin(1, 17), origin(2, 17), origin(97, 17)), false, CAUSE);
        journal.write(List.of(origin(2, 17)), true, CAUSE);
        journal.write(List.of(origin(2, 17)), true, CAUSE);
        Map<String, Suspect> read = journal.read();
        assertThat(read).containsOnlyKeys(key(1), key(2), key(97));
        assertThat(read.get(key(1)).alone()).isZero();
        assertThat(read.get(key(2)).alone()).isEqualTo(2);
        assertThat(journal.text(read.get(key(2))))
                .isEqualTo("prompts-3@2: java.lang.IllegalStateException: the kernel failed");
    }

    @Test
    void aTopicMadeAnewHasOtherRecords() {
        assertThat(SuspectJournal.key(origin(1, 17)))
                .isNotEqualTo(SuspectJournal.key(origin(1, 18)));
    }

    @Test
    void forgetsAllOfARequestAndNothingElse() throws Exception {
        journal.write(List.of(origin(1, 17), origin(2, 17)), false, CAUSE);
        journal.write(List.of(origin(2, 17)), true, CAUSE);
        Suspect second = journal.read().get(key(2));
        journal.forget(second);
        journal.forget(second);
        assertThat(journal.read()).containsOnlyKeys(key(1));
        assertThat(files()).isEqualTo(1);
    }

    /** In portions: a write waits for its storage, but not for ever. */
    private void writeAll(List<Origin> origins) {
        for (int from = 0; from < origins.size(); from += 97) {
            int to = Math.min(from + 97, origins.size());
            journal.write(origins.subList(from, to), false, CAUSE);
        }
    }

    @Test
    void isBoundedInAgeAndNumber() throws Exception {
        List<Origin> many = new ArrayList<>();
        for (int i = 0; i < SuspectJournal.MOST_FILES + 17; i++) {
            many.add(origin(i, 17));
        }
        writeAll(many);
        long now = System.currentTimeMillis();
        try (Stream<Path> all = Files.list(suspects)) {
            for (Path old : all.limit(54).toList()) {
                Files.setLastModifiedTime(old, FileTime.fromMillis(now - 1_000_000));
            }
        }
        journal.prune(now - 500_000);
        assertThat(files()).isEqualTo(SuspectJournal.MOST_FILES + 17 - 54);
        writeAll(many);
        journal.prune(0);
        assertThat(files()).isEqualTo(SuspectJournal.MOST_FILES);
    }

    @Test
    void withoutAFolderItRemembersNothing() throws Exception {
        SuspectJournal none = SuspectJournal.open(null);
        none.write(List.of(origin(1, 17)), true, CAUSE);
        none.prune(0);
        assertThat(none.read()).isEmpty();
    }

    @Test
    void aStrangeOrBrokenFolderFailsNobody() throws Exception {
        Files.createDirectories(suspects);
        Files.writeString(suspects.resolve("README"), "not ours");
        journal.write(List.of(origin(1, 17)), true, CAUSE);
        assertThat(journal.read()).containsOnlyKeys(key(1));
        assertThat(journal.text(new Suspect(1, List.of("gone")))).contains("not readable");
        Path file = Files.writeString(folder.resolve("file"), "no folder");
        SuspectJournal.open(file.toUri().toString()).write(List.of(origin(1, 17)), true, CAUSE);
    }
}
