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
 * A long record in flight as it lies in a snapshot, each part behind its length.
 *
 * @param request its element without the record's value, which would be copied to be in there
 * @param value the record's value
 */
record LongElement(byte[] request, byte[] value) {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    /**
     * @param request loses its value
     */
    static LongElement of(InFlightRequest request, byte[] value) throws IOException {
        request.setValue(NOTHING);
        return new LongElement(InFlightCodec.encode(request), value);
    }

    /** Reads one from a stream that may go on behind it. */
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
