package io.millrace.operators.kafka.input;

import io.millrace.operators.kafka.source.OnLostInput;
import java.util.List;
import java.util.stream.Collectors;

/** Input that was deleted before it was read. The message is for the user. */
public final class LostInputException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    LostInputException(List<Gap> gaps, OnLostInput policy) {
        super(
                gaps.stream().map(Gap::toString).collect(Collectors.joining(" "))
                        + (policy == OnLostInput.SKIP
                                ? " The job goes on from there, as --on-lost-input skip asks."
                                : " The job stops here; --on-lost-input skip goes on from there."));
    }
}
