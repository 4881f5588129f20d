package io.millrace.jobs.corpus;

import io.millrace.operators.corpus.output.CorpusCounts;
import java.io.IOException;
import java.util.Map;
import org.apache.flink.util.OptionalFailure;
import org.apache.flink.util.SerializedValue;

/**
 * How far a corpus is, as its tasks have told.
 *
 * @param bytes of the rows that have their outcome
 * @param files whose output is where it belongs
 * @param tokensNow of the tokens, those of this attempt
 * @param ended all outcomes are there
 */
record Counts(
        long rows,
        long failures,
        long tokens,
        long bytes,
        long files,
        long tokensNow,
        boolean ended) {

    static Counts of(Map<String, SerializedValue<OptionalFailure<Object>>> told)
            throws IOException {
        return new Counts(
                both(told, CorpusCounts.ROWS),
                both(told, CorpusCounts.FAILURES),
                both(told, CorpusCounts.TOKENS),
                both(told, CorpusCounts.BYTES),
                one(told, CorpusCounts.FILES),
                one(told, CorpusCounts.TOKENS),
                one(told, CorpusCounts.ENDED) > 0);
    }

    private static long both(
            Map<String, SerializedValue<OptionalFailure<Object>>> told, String name)
            throws IOException {
        return one(told, name) + one(told, CorpusCounts.RESTORED + name);
    }

    private static long one(Map<String, SerializedValue<OptionalFailure<Object>>> told, String name)
            throws IOException {
        SerializedValue<OptionalFailure<Object>> value = told.get(name);
        try {
            return value == null
                    ? 0
                    : (Long) value.deserializeValue(Counts.class.getClassLoader()).getUnchecked();
        } catch (ClassNotFoundException e) {
            throw new IOException(e);
        }
    }
}
