package io.millrace.operators.corpus.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.corpus.output.FileEvent.Staged;
import io.millrace.operators.corpus.output.FileEvent.Tally;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** State whose tallies have four counts is read, and that of this release stays as it is. */
class FirstTallyTest {
    private static final String FOUR =
            "0000000000000011" + "0000000000000001" + "0000000000000061" + "0000000000000036";
    private static final String SIX = FOUR + "0000000000000005" + "0000000000000003";

    /** A file "a", a part "p", 23 bytes. */
    private static final String STAGED = "0000000161" + "0000000170" + "0000000000000017";

    private static Staged read(String hex) throws IOException {
        byte[] bytes = HexFormat.of().parseHex(hex);
        return (Staged)
                FileEventSerializer.read(new DataInputStream(new ByteArrayInputStream(bytes)));
    }

    @Test
    void anEventOfEarlierReleasesIsRead() throws IOException {
        assertThat(read("01" + STAGED + FOUR))
                .isEqualTo(new Staged("a", "p", 23, new Tally(17, 1, 97, 54)));
    }

    @Test
    void anEventOfThisReleaseIsFrozen() throws IOException {
        Staged event = new Staged("a", "p", 23, new Tally(17, 1, 97, 54, 5, 3));
        assertThat(read("02" + STAGED + SIX)).isEqualTo(event);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        FileEventSerializer.write(event, new DataOutputStream(bytes));
        assertThat(HexFormat.of().formatHex(bytes.toByteArray())).isEqualTo("02" + STAGED + SIX);
    }

    @Test
    void totalsOfEarlierReleasesAreRead(@TempDir Path root) throws IOException {
        OutputFolder folder = new OutputFolder(root.toString());
        Files.createDirectories(folder.hidden());
        Path path = folder.hidden().resolve("totals");
        Files.write(path, HexFormat.of().parseHex("0000000000000002" + FOUR));
        assertThat(Totals.read(folder)).isEqualTo(new Totals(2, new Tally(17, 1, 97, 54)));
        Totals now = new Totals(2, new Tally(17, 1, 97, 54, 5, 3));
        now.write(folder);
        assertThat(Totals.read(folder)).isEqualTo(now);
        assertThat(Files.readAllBytes(path))
                .isEqualTo(HexFormat.of().parseHex("0000000000000002" + SIX));
    }
}
