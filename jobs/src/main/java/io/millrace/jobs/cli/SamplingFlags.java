package io.millrace.jobs.cli;

import static io.millrace.gpu.common.Setting.Kind.DOUBLE;
import static io.millrace.gpu.common.Setting.Kind.FLAG;
import static io.millrace.gpu.common.Setting.Kind.INT;
import static io.millrace.gpu.common.Setting.Kind.LONG;
import static io.millrace.gpu.common.Setting.Kind.TEXTS;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.SamplingParameters.Field;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.api.constraint.ConstraintOption;
import io.millrace.gpu.common.Setting;
import io.millrace.gpu.common.Setting.Kind;
import io.millrace.gpu.common.Setting.Names;
import io.millrace.gpu.common.Setting.Values;
import io.millrace.schemas.InferenceRequest;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;

/** Sampling parameters as options; their ranges are those of {@link Field}. */
public final class SamplingFlags {
    private static final Map<Field, Setting> FLAGS = new LinkedHashMap<>();

    static {
        flag(
                Field.MAX_TOKENS,
                new Names(null, "--max-tokens", List.of("-n"), "COUNT"),
                Values.optional(INT),
                "Maximum tokens to generate (default: the model's, else 256).");
        flag(
                Field.TEMPERATURE,
                new Names(null, "--temperature", List.of("-t"), "T"),
                Values.optional(DOUBLE),
                "0 always takes the most likely token; higher values give more varied answers.");
        flag(
                Field.TOP_P,
                DOUBLE,
                "P",
                "Samples from the most likely tokens with this total probability; 1 is off.");
        flag(Field.TOP_K, INT, "K", "Samples from this many most likely tokens; 0 is off.");
        flag(
                Field.MIN_P,
                DOUBLE,
                "P",
                "Minimum probability relative to the most likely token's; 0 is off.");
        flag(
                Field.REPETITION_PENALTY,
                DOUBLE,
                "R",
                "Above 1 discourages tokens seen in prompt or answer.");
        flag(
                Field.PRESENCE_PENALTY,
                DOUBLE,
                "P",
                "Subtracted once from the logit of tokens in the answer.");
        flag(
                Field.FREQUENCY_PENALTY,
                DOUBLE,
                "P",
                "Subtracted for each time a token is in the answer.");
        flag(Field.SEED, LONG, "SEED", "Seed of the random numbers.");
        flag(Field.STOP, TEXTS, "TEXT", "Ends the answer before this text; can be repeated.");
        flag(Field.IGNORE_EOS, FLAG, null, "Continues after end-of-text tokens.");
        flag(
                Field.N,
                Names.of(null, "--completions", "N"),
                Values.of(1, null),
                "Number of answers; several are shown when all are finished.");
    }

    private final Map<Field, Object> given = new EnumMap<>(Field.class);

    @Mixin
    private final CommandSpec table =
            Arguments.table(List.copyOf(FLAGS.keySet()), FLAGS::get, given);

    /** Named as in requests. */
    private static void flag(Field field, Kind kind, String label, String sentence) {
        String flag = "--" + field.requestName().replace('_', '-');
        flag(field, Names.of(null, flag, label), Values.optional(kind), sentence);
    }

    private static void flag(Field field, Names names, Values values, String sentence) {
        FLAGS.put(field, new Setting(names, values, sentence));
    }

    /**
     * Refuses what is out of range, or would refuse each answer, with one sentence.
     *
     * @param constraint of the answers; null for none
     */
    public void check(Constraint constraint) {
        if (constraint != null
                && given.get(Field.STOP) instanceof List<?> stops
                && !stops.isEmpty()) {
            throw new CommandFailedException(
                    "--stop does not go with %s, since it could cut an answer where it is not whole: leave it out, the constraint says where an answer ends."
                            .formatted(flag(constraint)));
        }
        given.forEach(
                (field, value) -> {
                    String flag = FLAGS.get(field).names().flag();
                    String fault = field.fault(flag, value, Integer.MAX_VALUE);
                    if (fault != null) {
                        throw new CommandFailedException(fault);
                    }
                });
    }

    private static String flag(Constraint constraint) {
        for (ConstraintOption option : ConstraintOption.values()) {
            if (option.text(constraint) != null) {
                return option.setting().names().flag();
            }
        }
        throw new IllegalArgumentException("no option gives " + constraint);
    }

    /** An option that was given another value than its default; null if none was. */
    public String first() {
        for (Map.Entry<Field, Object> entry : given.entrySet()) {
            Setting setting = FLAGS.get(entry.getKey());
            boolean byDefault =
                    Boolean.FALSE.equals(entry.getValue())
                            || entry.getValue().equals(setting.values().fallback());
            if (!byDefault) {
                return setting.names().flag();
            }
        }
        return null;
    }

    /** Sets the parameters that were given. */
    public void set(SamplingParameters.Builder parameters) {
        given.forEach((field, value) -> field.set(parameters, value));
    }

    /** Sets the parameters that were given. */
    public void set(InferenceRequest request) {
        given.forEach(
                (field, value) ->
                        request.put(
                                request.getSchema().getField(field.requestName()).pos(), value));
    }
}
