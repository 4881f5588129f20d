package io.millrace.operators.inference;

import io.millrace.operators.record.InFlightCodec;
import io.millrace.schemas.InFlightRequest;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;

/**
 * A long record in flight, as saved in a snapshot: each part is preceded by its length.
 *
 * @param request its state without the record's value, which would have to be copied
 * @param value the record's value
 */
record LongElement(byte[] request, byte[] value) {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    /**
     * @param request its value is removed
     */
    static LongElement of(InFlightRequest request, byte[] value) throws IOException {
        request.setValue(NOTHING);
        return new LongElement(InFlightCodec.encode(request), value);
    }

    /** Reads one from a stream with further content. */
    static LongElement read(InputStream in) throws IOException {
        DataInputStream data = new DataInputStream(in);
        return new LongElement(readPart(data), readPart(data));
    }

    private static byte[] readPart(DataInputStream in) throws IOException {
        byte[] part = new byte[in.readInt()];
        in.readFully(part);
        return part;
    }

    void write(OutputStream out) throws IOException {
        DataOutputStream data = new DataOutputStream(out);
        data.writeInt(request.length);
        data.write(request);
        data.writeInt(value.length);
        data.write(value);
    }

    InFlightRequest decode(InFlightCodec codec) throws IOException {
        return codec.decode(request, value);
    }
}
