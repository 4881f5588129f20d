package io.millrace.gpu.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.SamplingParameters.Field;
import io.millrace.gpu.api.constraint.Constraint;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class SamplingFieldTest {
    @Test
    void everyComponentIsInTheTableAndViceVersa() {
        Map<String, RecordComponent> components =
                Arrays.stream(SamplingParameters.class.getRecordComponents())
                        .collect(Collectors.toMap(c -> snakeCase(c.getName()), c -> c));
        assertThat(Arrays.stream(Field.values()).map(Field::requestName))
                .containsExactlyInAnyOrderElementsOf(components.keySet());
    }

    private static String snakeCase(String name) {
        return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    @Test
    void whatAFieldSetsItGets() {
        SamplingParameters given =
                SamplingParameters.builder()
                        .maxTokens(17)
                        .temperature(1.5)
                        .topP(0.5)
                        .topK(5)
                        .minP(0.25)
                        .repetitionPenalty(1.25)
                        .presencePenalty(-2)
                        .frequencyPenalty(2)
                        .seed(54L)
                        .stop(List.of("x"))
                        .stopTokenIds(List.of(3))
                        .ignoreEos(true)
                        .n(64)
                        .logprobs(20)
                        .minTokens(5)
                        .suppressTokens(List.of(2, 1))
                        .logitBias(Map.of("3", 0.5))
                        .constraint(new Constraint.Choice(List.of("a", "b")))
                        .build();
        SamplingParameters.Builder copy = SamplingParameters.builder();
        for (Field field : Field.values()) {
            field.set(copy, field.get(given));
        }
        assertThat(copy.build()).isEqualTo(given);
        assertThat(Field.LOGPROBS.get(SamplingParameters.greedy(1))).isNull();
        assertThatThrownBy(() -> Field.TOP_K.set(copy, "5")).isInstanceOf(ClassCastException.class);
    }

    @Test
    void aFaultNamesTheParameterAsItsCallerDoes() {
        assertThat(Field.TOP_P.fault("--top-p", 17.0, 97))
                .isEqualTo("--top-p is 17.0; it must be greater than 0 and at most 1.");
        assertThat(Field.TOP_K.fault("top_k", -1, 97))
                .isEqualTo("top_k is -1; it must be 0 (off) or more.");
        assertThat(Field.STOP_TOKEN_IDS.fault("stop_token_ids", List.of(96, 97), 97))
                .isEqualTo(
                        "stop_token_ids[1] is 97; it must be one of this model's token ids, from 0 to"
                                + " 96.");
        assertThat(Field.STOP_TOKEN_IDS.fault("stop_token_ids", List.of(-1), Integer.MAX_VALUE))
                .isEqualTo("stop_token_ids[0] is -1; it must be 0 or more.");
        assertThat(Field.LOGIT_BIAS.fault("logit_bias", Map.of("97", 1.0, "96", 1.0), 97))
                .isEqualTo(
                        "A token of logit_bias is 97; it must be one of this model's token ids, from 0"
                                + " to 96.");
        for (String key : List.of("x", "", "-1", "+1", "01", "1.0", "9999999999")) {
            assertThat(Field.LOGIT_BIAS.fault("logit_bias", Map.of(key, 1.0), Integer.MAX_VALUE))
                    .isEqualTo(
                            "A token of logit_bias is %s; it must be a whole number, 0 or more."
                                    .formatted(key));
        }
        assertThat(Field.LOGIT_BIAS.fault("logit_bias", Map.of("17", 100.5), 97))
                .isEqualTo("logit_bias[17] is 100.5; it must be from -100 to 100.");
        assertThat(Field.LOGIT_BIAS.fault("logit_bias", Map.of("17", Double.NaN), 97))
                .contains("NaN");
        Map<String, Double> many = new HashMap<>();
        for (int i = 0; i < 301; i++) {
            many.put("" + i, 1.0);
        }
        assertThat(Field.LOGIT_BIAS.fault("logit_bias", many, 1023))
                .isEqualTo("logit_bias is 301 tokens; it must be at most 300.");
        assertThat(Field.SEED.fault("seed", Long.MIN_VALUE, 97)).isNull();
    }
}
