package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.Ids;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.regex.Pattern;

/** Reads values that have no parts, text and numbers, and refuses those of another type. */
final class JsonScalars {

    private static final int LONGEST_VALUE_IN_MESSAGE = 60;

    private static final Pattern NUMBER = Pattern.compile("-?[0-9]{1,30}(\\.[0-9]{1,30})?");

    private final JsonPath path;
    private final boolean escapes;
    private final boolean strict;

    /**
     * @param path where the value is
     * @param escapes whether characters are written as numbers
     * @param strict whether a field id that is null is a missing one
     */
    JsonScalars(JsonPath path, boolean escapes, boolean strict) {
        this.path = path;
        this.escapes = escapes;
        this.strict = strict;
    }

    String readText(JsonParser in, JsonToken token) throws IOException, CodecException {
        if (token.isNumeric() && path.isTop("id")) {
            throw path.refused(
                    FailureCode.INVALID_PARAMETER,
                    "field id must be text, not a number: write \"id\":\"" + shown(in) + "\"");
        }
        if (token == JsonToken.VALUE_NULL && path.isTop("id") && strict) {
            throw path.refused(FailureCode.MISSING_ID, "field id is null: " + Ids.REMEDY);
        }
        expect(token == JsonToken.VALUE_STRING, "text", in, token);
        return wellFormed(in.getText());
    }

    /** Half a surrogate pair has no UTF-8 form: it could be read but never written again. */
    String wellFormed(String text) throws CodecException {
        int lone = escapes ? Text.firstLoneSurrogate(text) : -1;
        if (lone >= 0) {
            throw path.refused(
                    "field "
                            + path
                            + " has half of a surrogate pair (\\u"
                            + Integer.toHexString(text.charAt(lone))
                            + ") at character "
                            + lone);
        }
        return text;
    }

    ByteBuffer readBase64(JsonParser in, JsonToken token) throws IOException, CodecException {
        try {
            return ByteBuffer.wrap(Base64.getDecoder().decode(readText(in, token)));
        } catch (IllegalArgumentException e) {
            throw path.refused("field " + path + " is not base64: " + e.getMessage());
        }
    }

    boolean readBoolean(JsonParser in, JsonToken token) throws IOException, CodecException {
        expect(token.isBoolean(), "true or false", in, token);
        return in.getBooleanValue();
    }

    Double readDouble(JsonParser in, JsonToken token) throws IOException, CodecException {
        expect(token.isNumeric(), "a number", in, token);
        return finite(in, number(in));
    }

    /** Only results have floats: log probabilities, which the writer may have to quote. */
    Float readFloat(JsonParser in, JsonToken token) throws IOException, CodecException {
        if (token == JsonToken.VALUE_STRING) {
            switch (in.getText()) {
                case "NaN":
                    return Float.NaN;
                case "Infinity":
                    return Float.POSITIVE_INFINITY;
                case "-Infinity":
                    return Float.NEGATIVE_INFINITY;
                default:
            }
        }
        expect(token.isNumeric(), "a number", in, token);
        finite(in, number(in));
        // Not by way of a double: rounding twice is not rounding once.
        return Float.parseFloat(in.getText());
    }

    private static double number(JsonParser in) throws IOException {
        return in.isNaN() ? Double.NaN : Double.parseDouble(in.getText());
    }

    private Double finite(JsonParser in, double number) throws IOException, CodecException {
        if (!Double.isFinite(number)) {
            throw path.refused(
                    FailureCode.INVALID_PARAMETER,
                    "field " + path + " is " + shown(in) + ", which is not a finite number");
        }
        return number;
    }

    /** A whole number; 4.0 is one, since some programs write all their numbers so. */
    long readWhole(JsonParser in, JsonToken token, long least, long most)
            throws IOException, CodecException {
        expect(token.isNumeric(), "a whole number", in, token);
        finite(in, number(in));
        BigDecimal number = new BigDecimal(in.getText()).stripTrailingZeros();
        if (number.scale() > 0) {
            throw path.refused(
                    FailureCode.INVALID_PARAMETER,
                    "field " + path + " must be a whole number, not " + shown(in));
        }
        // Finite, so it has at most 309 digits.
        BigInteger whole = number.toBigInteger();
        if (whole.bitLength() >= Long.SIZE
                || whole.longValue() < least
                || whole.longValue() > most) {
            throw path.refused(
                    FailureCode.INVALID_PARAMETER,
                    "field " + path + " is " + shown(in) + ", outside " + least + " to " + most);
        }
        return whole.longValue();
    }

    /** Refuses a value of another type than the one that is wanted. */
    void expect(boolean met, String wanted, JsonParser in, JsonToken token)
            throws IOException, CodecException {
        if (!met) {
            String given = token.isNumeric() ? "the number " + shown(in) : describe(token);
            boolean quoted =
                    wanted.endsWith("number")
                            && token == JsonToken.VALUE_STRING
                            && NUMBER.matcher(in.getText()).matches();
            throw path.refused(
                    FailureCode.INVALID_PARAMETER,
                    "field "
                            + path
                            + " must be "
                            + wanted
                            + ", not "
                            + given
                            + (quoted ? ": write " + shown(in) + " without quotes" : ""));
        }
    }

    private static String shown(JsonParser in) throws IOException {
        return Text.brief(in.getText(), LONGEST_VALUE_IN_MESSAGE);
    }

    /** The type of a value, for a message. */
    static String describe(JsonToken token) {
        return switch (token) {
            case START_OBJECT -> "an object";
            case START_ARRAY -> "an array";
            case VALUE_STRING -> "text";
            case VALUE_NULL -> "null";
            case VALUE_TRUE -> "true";
            case VALUE_FALSE -> "false";
            default -> "a number";
        };
    }
}
