package io.millrace.operators.inference;

import io.millrace.operators.record.InFlightCodec;
import io.millrace.operators.saved.SavedState;
import io.millrace.schemas.InFlightRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads the requests in flight from a completed checkpoint or savepoint, without a job. */
public final class SavedRequests {
    private SavedRequests() {}

    /**
     * All requests of all subtasks.
     *
     * @param folder of the checkpoint, which is complete: it has its {@code _metadata}
     * @throws IOException it does not exist, or was not written by this or an older release
     */
    public static List<InFlightRequest> read(Path folder) throws IOException {
        SavedState state = SavedState.open(folder.toUri().toString());
        InFlightCodec codec = new InFlightCodec(state.elements(InFlightState.SCHEMAS));
        List<InFlightRequest> all = new ArrayList<>();
        for (byte[] request : state.elements(InFlightState.REQUESTS)) {
            if (InFlightCodec.reference(request) == null) {
                all.add(codec.decode(request));
            }
        }
        for (LongElement request : state.rawBeside(InFlightState.REQUESTS, LongElement::read)) {
            all.add(request.decode(codec));
        }
        return all;
    }
}
