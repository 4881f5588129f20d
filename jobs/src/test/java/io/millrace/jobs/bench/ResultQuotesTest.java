package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.bench.result.ResultQuotes;
import io.millrace.jobs.bench.result.ResultRow;
import java.util.List;
import org.junit.jupiter.api.Test;

class ResultQuotesTest {
    private static final List<ResultRow> ROWS =
            List.of(
                    row("W4, 256 requests", "m", "output", 43_720),
                    row("W4, 256 requests", "m", "vLLM 0.26.0", 18_813),
                    row("W4, 256 requests", "n", "output", 944.8),
                    row("W40, other", "m", "output", 1),
                    row("start", "m", "load", 17),
                    row("twice", "m", "output", 1),
                    row("twice", "m", "output", 2));

    private static ResultRow row(String workload, String model, String metric, double value) {
        return new ResultRow(workload, model, metric, value, "tok/s", null, "here", null, "abc");
    }

    @Test
    void aQuoteIsTheFigureOfItsRow() {
        assertThat(ResultQuotes.rewritten("at <!--=W4, m-->41,580 tokens, ", ROWS))
                .isEqualTo("at <!--=W4, m-->43,720 tokens, ");
        assertThat(ResultQuotes.rewritten("<!--=W4, n-->1.", ROWS))
                .isEqualTo("<!--=W4, n-->944.8.");
        assertThat(ResultQuotes.rewritten("<!--=start, m, load-->3 ms", ROWS))
                .isEqualTo("<!--=start, m, load-->17 ms");
        assertThat(ResultQuotes.rewritten("<!--=W4, m, vLLM 0.26.0-->1, so", ROWS))
                .isEqualTo("<!--=W4, m, vLLM 0.26.0-->18,813, so");
        assertThat(ResultQuotes.rewritten("<!--=W4, m / vLLM 0.26.0-->2 times", ROWS))
                .isEqualTo("<!--=W4, m / vLLM 0.26.0-->2.32 times");
    }

    @Test
    void whatNoRowOrSeveralAreForIsToldAndStays() {
        String text =
                "<!--=W9, m-->1 <!--=twice, m-->2 <!--=W4, m / SGLang-->3 <!--=W4, m-->43,720";
        assertThat(ResultQuotes.rewritten(text, ROWS)).isEqualTo(text);
        assertThat(ResultQuotes.unknown(text, ROWS))
                .containsExactly("<!--=W9, m-->1", "<!--=twice, m-->2", "<!--=W4, m / SGLang-->3");
    }
}
