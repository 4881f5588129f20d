package io.millrace.operators.corpus;

import io.millrace.gpu.common.Sha256;
import io.millrace.operators.corpus.format.Fields;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Position;
import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.FailureCode;
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

/** Makes requests of the rows of one file. One thread. */
final class RowAsker {
    /** Stands for an id until there is one. Hashed with the request, so it stays as it is. */
    private static final String NO_ID = "row";

    private static final int ID_BYTES = 16;

    private final InputFile file;
    private final RowForm form;
    private final Asking asking;
    private final RecordCodec<InferenceRequest> codec =
            RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, null);
    private final InferenceRequest sampling;
    private final MessageDigest digest = Sha256.begin();

    RowAsker(InputFile file, RowForm form, Asking asking) {
        this.file = file;
        this.form = form;
        this.asking = asking;
        try {
            sampling = codec.decode(asking.sampling());
        } catch (CodecException e) {
            throw new IllegalStateException("The job's sampling options are no request.", e);
        }
    }

    Inbound ask(Row row) {
        Origin origin =
                new Origin(
                        file.name(),
                        new Position.Row(row.number(), row.line()),
                        asking.clockMs(),
                        null,
                        List.of(),
                        row.bytes());
        if (row.fault() != null) {
            return new Inbound.Rejected(origin, null, FailureCode.UNREADABLE, row.fault());
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

    /** An id of (file, row, request): the same row is answered the same, another one is not. */
    private String hash(long number, InferenceRequest request) {
        request.setId(NO_ID);
        digest.update(file.name().getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
        digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, number));
        byte[] sum = digest.digest(codec.encode(request));
        return HexFormat.of().formatHex(sum, 0, ID_BYTES);
    }

    private void setPrompt(InferenceRequest request, String prompt) {
        if (!asking.chat()) {
            request.setPrompt(prompt);
            return;
        }
        List<ChatMessage> messages = new ArrayList<>(2);
        if (asking.system() != null) {
            messages.add(new ChatMessage("system", asking.system()));
        }
        messages.add(new ChatMessage("user", prompt));
        request.setMessages(messages);
    }
}
