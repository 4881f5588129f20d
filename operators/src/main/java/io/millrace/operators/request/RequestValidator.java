package io.millrace.operators.request;

import io.millrace.operators.record.Inbound;
import java.util.List;
import org.apache.flink.api.common.functions.MapFunction;

/**
 * Turns invalid requests into {@link Inbound.Rejected}. Its checks are cheap; the inference
 * operator does those that need the tokenizer or the model, and all checks of a record that is not
 * decoded yet.
 */
public final class RequestValidator implements MapFunction<Inbound, Inbound> {
    private static final long serialVersionUID = 1L;

    private final String model;
    private final boolean readAll;

    /**
     * @param model name of the model that this job runs
     */
    public RequestValidator(String model) {
        this(model, false);
    }

    /**
     * @param readAll whether to decode unread records here, because operators downstream need them
     *     decoded
     */
    public RequestValidator(String model, boolean readAll) {
        this.model = model;
        this.readAll = readAll;
    }

    @Override
    public Inbound map(Inbound given) {
        Inbound inbound = readAll && given instanceof Inbound.Unread unread ? unread.read() : given;
        if (!(inbound instanceof Inbound.Request request)) {
            return inbound;
        }
        List<RequestFaults.Fault> faults = RequestFaults.of(request.request(), model);
        if (faults.isEmpty()) {
            return inbound;
        }
        RequestFaults.Fault first = faults.get(0);
        return new Inbound.Rejected(
                request.origin(), request.request().getId(), first.code(), first.message());
    }
}
