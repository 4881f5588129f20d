package io.millrace.jobs.chaos.check;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.schemas.Completion;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.Usage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CheckerTest {
    private static final int COUNT = 17;

    private final PromptSet prompts = new PromptSet(COUNT, 1, 0);
    private final List<Committed> undisturbed = answers(COUNT);
    private final Checker checker = new Checker(prompts, undisturbed);

    @Test
    void theSameAnswersInAnyOrderAreRight() {
        List<Committed> other = answers(COUNT);
        Collections.reverse(other);
        assertThat(checker.check(other).isRight()).isTrue();
    }

    @Test
    void aLostAnswerIsSeen() {
        Checker.Verdict verdict = checker.check(undisturbed.subList(1, COUNT));
        assertThat(verdict.isRight()).isFalse();
        assertThat(verdict.lost()).isOne();
        assertThat(verdict.examples()).containsExactly("lost: request-0");
    }

    @Test
    void anAnswerThatComesTwiceIsSeenThoughItsBytesAreEqual() {
        List<Committed> committed = answers(COUNT);
        committed.add(answer(5, "answer 5"));
        Checker.Verdict verdict = checker.check(committed);
        assertThat(verdict.isRight()).isFalse();
        assertThat(verdict.twice()).isOne();
        assertThat(verdict.examples()).containsExactly("twice: request-5");
    }

    @Test
    void otherBytesInKeyOrValueAreSeen() {
        Committed one = undisturbed.get(3);
        List<Committed> committed = answers(COUNT);
        committed.set(3, with(one, one.key(), "other".getBytes(UTF_8)));
        assertThat(checker.check(committed).different()).isOne();
        committed.set(3, with(one, null, one.value()));
        assertThat(checker.check(committed).different()).isOne();
        committed.set(3, with(one, one.key(), one.value()));
        assertThat(checker.check(committed).isRight()).isTrue();
    }

    @Test
    void anAnswerToNothingThatWasAskedIsSeen() {
        List<Committed> committed = answers(COUNT + 1);
        assertThat(checker.check(committed).unknown()).isOne();
        assertThat(checker.check(committed).isRight()).isFalse();
    }

    @Test
    void anUndisturbedRunThatIsWrongIsNoMeasure() {
        assertThatThrownBy(() -> new Checker(prompts, answers(COUNT - 1)))
                .hasMessageContaining("16 answers instead of 17");
        List<Committed> twice = answers(COUNT);
        twice.add(answer(5, "answer 5"));
        assertThatThrownBy(() -> new Checker(prompts, twice))
                .hasMessageContaining("request-5 is there twice");
        List<Committed> cut = answers(COUNT);
        cut.get(0).result().getCompletions().get(0).setTokenIds(List.of(1, 2));
        assertThatThrownBy(() -> new Checker(prompts, cut))
                .hasMessageContaining("request-0 has 2 tokens");
    }

    private static List<Committed> answers(int count) {
        List<Committed> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(answer(i, "answer " + i));
        }
        return all;
    }

    private static Committed answer(int number, String text) {
        InferenceResult result = new InferenceResult();
        result.setId("request-" + number);
        result.setUsage(new Usage(17, PromptSet.NEW_TOKENS));
        Completion completion = new Completion();
        completion.setTokenIds(IntStream.range(0, PromptSet.NEW_TOKENS).boxed().toList());
        result.setCompletions(List.of(completion));
        byte[] key = ("key-" + number).getBytes(UTF_8);
        return new Committed(result.getId(), result, null, key, text.getBytes(UTF_8), 17, 54, 0);
    }

    private static Committed with(Committed one, byte[] key, byte[] value) {
        return new Committed(
                one.name(),
                one.result(),
                null,
                key,
                value,
                one.arrivedMs(),
                one.finishedMs(),
                one.attempts());
    }
}
