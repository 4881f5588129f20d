package io.millrace.operators.dedupe;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.SamplingParameters.Field;
import io.millrace.gpu.common.Sha256;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What the answer to a request depends on beside the model, as 128 bits of its hash: the tokens of
 * the prompt, the parameters, the constraint.
 */
public record RequestKey(long first, long second) {

    /**
     * The key of a request whose seed does not come from its id.
     *
     * @param constraint the request's own, in words; null for that of the job
     */
    public static RequestKey of(GenerationRequest request, String constraint) {
        MessageDigest digest = Sha256.begin();
        int[] prompt = request.promptTokenIds();
        ByteBuffer tokens = ByteBuffer.allocate(Integer.BYTES * (1 + prompt.length));
        tokens.putInt(prompt.length);
        for (int token : prompt) {
            tokens.putInt(token);
        }
        digest.update(tokens.flip());
        StringBuilder text = new StringBuilder(256);
        SamplingParameters sampling = request.sampling();
        for (Field field : Field.values()) {
            boolean drawn = field != Field.SEED || sampling.temperature() > 0;
            if (drawn && field != Field.CONSTRAINT) {
                add(text, field.get(sampling));
            }
        }
        add(text, constraint);
        digest.update(text.toString().getBytes(StandardCharsets.UTF_8));
        ByteBuffer hash = ByteBuffer.wrap(digest.digest());
        return new RequestKey(hash.getLong(), hash.getLong());
    }

    /** Lengths come first, so that no two lists have one text. */
    private static void add(StringBuilder text, Object value) {
        if (value instanceof List<?> list) {
            text.append('[').append(list.size());
            list.forEach(each -> add(text, each));
        } else if (value instanceof Map<?, ?> map) {
            text.append('{').append(map.size());
            new TreeMap<>(map)
                    .forEach(
                            (name, each) -> {
                                add(text, name);
                                add(text, each);
                            });
        } else {
            String said = String.valueOf(value);
            text.append(value == null ? '-' : '=').append(said.length()).append(':').append(said);
        }
    }
}
