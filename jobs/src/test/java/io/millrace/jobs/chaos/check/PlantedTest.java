package io.millrace.jobs.chaos.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlantedTest {
    private static final int COUNT = 54;

    private final List<Committed> undisturbed = TestingCommitted.answers(COUNT);
    private final Checker checker = new Checker(new PromptSet(COUNT, 1, 0), undisturbed);

    @Test
    void theCheckerSeesAllThreeWhereverTheyAre() throws Exception {
        RecordCodec<?> codec = RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null);
        for (long seed = 0; seed < 97; seed++) {
            Planted planted = new Planted(undisturbed, seed);
            planted.require(checker.check(planted.records()));
            for (Committed each : planted.records()) {
                // What nobody can read would be seen without a checker.
                codec.decode(each.value());
            }
        }
    }

    @Test
    void oneBitIsFlipped() {
        int different = 0;
        for (Committed each : new Planted(undisturbed, 17).records()) {
            byte[] was =
                    undisturbed.stream()
                            .filter(one -> one.name().equals(each.name()))
                            .findFirst()
                            .orElseThrow()
                            .value();
            int at = Arrays.mismatch(was, each.value());
            if (at >= 0) {
                different++;
                assertThat(was[at] ^ each.value()[at]).isOne();
                assertThat(
                                Arrays.mismatch(
                                        was, at + 1, was.length, each.value(), at + 1, was.length))
                        .isNegative();
            }
        }
        assertThat(different).isOne();
    }

    @Test
    void aCheckerThatMissesOneIsNoChecker() {
        Planted planted = new Planted(undisturbed, 17);
        for (Committed missed : planted.records()) {
            Committed right =
                    undisturbed.stream()
                            .filter(one -> one.name().equals(missed.name()))
                            .findFirst()
                            .orElseThrow();
            if (Arrays.equals(missed.value(), right.value())) {
                continue;
            }
            // As if it compared everything but this byte.
            List<Committed> blind = new ArrayList<>(planted.records());
            blind.set(blind.indexOf(missed), right);
            assertThatThrownBy(() -> planted.require(checker.check(blind)))
                    .hasMessageContaining("The checker is blind")
                    .hasMessageContaining(missed.name());
        }
        List<Committed> once = new ArrayList<>(planted.records());
        once.remove(once.size() - 1);
        assertThatThrownBy(() -> planted.require(checker.check(once)))
                .hasMessageContaining("The checker is blind");
        assertThatThrownBy(() -> planted.require(checker.check(undisturbed)))
                .hasMessageContaining("The checker is blind");
        assertThatCode(() -> planted.require(checker.check(planted.records())))
                .doesNotThrowAnyException();
    }

    @Test
    void twoAnswersAreTooFew() {
        assertThatThrownBy(() -> new Planted(undisturbed.subList(0, 2), 17))
                .hasMessageContaining("2 answers are too few");
    }
}
