package io.millrace.operators.corpus;

import io.millrace.gpu.common.Sha256;
import io.millrace.operators.corpus.format.Fields;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Position;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.avro.Schema;

/** Converts the rows of one file to requests. One thread. */
final class RowRequests {
    /** The id while the real one is computed. It is part of the hash and must not change. */
    private static final String NO_ID = "row";

    private static final int ID_BYTES = 16;

    private final InputFile file;
    private final RowForm form;
    private final RequestTemplate template;
    private final RecordCodec<InferenceRequest> codec =
            RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null);
    private final InferenceRequest sampling;
    private final MessageDigest digest = Sha256.begin();

    RowRequests(InputFile file, RowForm form, RequestTemplate template) {
        this.file = file;
        this.form = form;
        this.template = template;
        try {
            sampling = codec.decode(template.sampling());
        } catch (CodecException e) {
            throw new IllegalStateException("The job's sampling options are not a request.", e);
        }
    }

    Inbound of(Row row) {
        Origin origin =
                new Origin(
                        file.name(),
                        new Position.Row(row.number(), row.line()),
                        template.clockMs(),
                        null,
                        List.of(),
                        row.bytes());
        if (row.fault() != null) {
            return new Inbound.Rejected(origin, null, row.code(), row.fault());
        }
        try {
            return new Inbound.Request(origin, request(row, form.read(row.bytes())));
        } catch (CodecException e) {
            return new Inbound.Rejected(origin, e.id(), e.code(), e.getMessage());
        }
    }

    private InferenceRequest request(Row row, Fields fields) throws CodecException {
        InferenceRequest request;
        if (fields.request() == null) {
            request = InferenceRequest.newBuilder(sampling).build();
            setPrompt(request, fields.prompt());
        } else {
            request = codec.decode(fields.request());
            for (Schema.Field field : request.getSchema().getFields()) {
                if (request.get(field.pos()) == null) {
                    request.put(field.pos(), sampling.get(field.pos()));
                }
            }
        }
        request.setId(fields.id() == null ? hash(row.number(), request) : fields.id());
        return request;
    }

    /** An id that depends on file name, row number and request alone. */
    private String hash(long number, InferenceRequest request) {
        request.setId(NO_ID);
        digest.update(file.name().getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
        digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, number));
        byte[] sum = digest.digest(codec.encode(request));
        return HexFormat.of().formatHex(sum, 0, ID_BYTES);
    }

    private void setPrompt(InferenceRequest request, String prompt) {
        if (!template.chat()) {
            request.setPrompt(prompt);
            return;
        }
        List<ChatMessage> messages = new ArrayList<>(2);
        if (template.system() != null) {
            messages.add(new ChatMessage("system", template.system(), null, null, null, null));
        }
        messages.add(new ChatMessage("user", prompt, null, null, null, null));
        request.setMessages(messages);
    }
}
