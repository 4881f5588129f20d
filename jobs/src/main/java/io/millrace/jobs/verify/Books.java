package io.millrace.jobs.verify;

import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.io.IOException;

/**
 * Reads requests, answers and dead letters once, into a ledger and a sample. One thread.
 *
 * <p>A file of answers may also contain dead letters, as written by {@code results --json
 * --dead-letters}.
 */
final class Books {
    private final FormatSettings format;
    private final String fingerprint;
    private final Ledger ledger;
    private final Sample sample;

    /**
     * @param format of topics; files are JSON lines
     * @param fingerprint only answers with this fingerprint are sampled
     */
    Books(FormatSettings format, String fingerprint, Ledger ledger, Sample sample) {
        this.format = format;
        this.fingerprint = fingerprint;
        this.ledger = ledger;
        this.sample = sample;
    }

    /**
     * Reads all records.
     *
     * @param deadLetters null for none
     */
    void read(Entries requests, Entries results, Entries deadLetters) throws IOException {
        RecordCodec<InferenceResult> result = codec(RecordType.RESULT, results);
        RecordCodec<InferenceFailure> among = codec(RecordType.FAILURE, results);
        results.forEach(entry -> readResult(entry, result, among));
        if (deadLetters != null) {
            RecordCodec<InferenceFailure> failure = codec(RecordType.FAILURE, deadLetters);
            deadLetters.forEach(entry -> readDeadLetter(entry, failure));
        }
        RecordCodec<InferenceRequest> request = codec(RecordType.REQUEST, requests);
        requests.forEach(entry -> readRequest(entry, request));
        ledger.close();
    }

    private <T extends org.apache.avro.specific.SpecificRecordBase> RecordCodec<T> codec(
            RecordType<T> type, Entries of) {
        return RecordCodec.open(type, of.areOfFile() ? FormatSettings.JSON : format, null);
    }

    private void readResult(
            Entry entry,
            RecordCodec<InferenceResult> results,
            RecordCodec<InferenceFailure> failures) {
        if (entry.value() == null) {
            ledger.unreadableAnswer(entry, "it has no value");
            return;
        }
        InferenceResult result;
        try {
            result = results.decode(entry.value());
        } catch (CodecException e) {
            try {
                ledger.deadLetter(entry, failures.decode(entry.value()));
            } catch (CodecException neither) {
                ledger.unreadableAnswer(entry, e.getMessage());
            }
            return;
        }
        ledger.answer(entry, result.getId(), result.getModelFingerprint());
        if (result.getModelFingerprint().equals(fingerprint)) {
            sample.add(entry, result);
        }
    }

    private void readDeadLetter(Entry entry, RecordCodec<InferenceFailure> failures) {
        if (entry.value() == null) {
            ledger.unreadableAnswer(entry, "it has no value");
            return;
        }
        try {
            ledger.deadLetter(entry, failures.decode(entry.value()));
        } catch (CodecException e) {
            ledger.unreadableAnswer(entry, e.getMessage());
        }
    }

    private void readRequest(Entry entry, RecordCodec<InferenceRequest> requests) {
        if (entry.value() == null) {
            ledger.unreadableRequest(entry, "it has no value");
            return;
        }
        InferenceRequest request;
        try {
            request = requests.decode(entry.value());
        } catch (CodecException e) {
            ledger.unreadableRequest(entry, e.getMessage());
            return;
        }
        ledger.request(entry, request.getId());
        sample.add(entry, request);
    }
}
