package io.millrace.jobs.corpus;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.api.constraint.ConstraintOption;
import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.Checks;
import io.millrace.jobs.cli.SamplingFlags;
import io.millrace.schemas.InferenceRequest;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;

/** Sampling parameters and the constraint of answers as options. */
public final class SamplingArguments {
    @Mixin private SamplingFlags flags = new SamplingFlags();

    private final Map<ConstraintOption, Object> constraints = new EnumMap<>(ConstraintOption.class);

    @Mixin
    private final CommandSpec constraintTable =
            Arguments.table(
                    List.of(ConstraintOption.values()), ConstraintOption::setting, constraints);

    /** Refuses what is out of range, or would refuse each answer, with one sentence. */
    public void check() {
        flags.check(constraint());
    }

    /** The constraint of each answer; null for none. */
    public Constraint constraint() {
        return Checks.constraint(constraints);
    }

    /** The parameters, with the model's own where none is given. */
    public SamplingParameters over(SamplingParameters defaults) {
        SamplingParameters.Builder parameters = defaults.toBuilder();
        flags.set(parameters);
        return parameters.constraint(constraint()).build();
    }

    /** What was given, but for the constraint, as a request of that id, which has no prompt yet. */
    InferenceRequest request(String id) {
        InferenceRequest request = InferenceRequest.newBuilder().setId(id).build();
        flags.set(request);
        return request;
    }
}
