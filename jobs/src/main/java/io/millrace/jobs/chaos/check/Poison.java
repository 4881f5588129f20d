package io.millrace.jobs.chaos.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.schemas.FailureCode;
import java.util.Locale;

/** The kinds of records that cannot be answered. */
enum Poison {
    NOT_JSON(FailureCode.UNREADABLE, "Dear ID"),
    CUT_SHORT(FailureCode.UNREADABLE, "{'id':'ID','prompt':'Dear"),
    TWO_OBJECTS(FailureCode.UNREADABLE, "{'id':'ID','prompt':'Dear'} {'id':'ID'}"),
    NO_TEXT(FailureCode.UNREADABLE, null),
    TOMBSTONE(FailureCode.UNREADABLE, null),
    TOO_DEEP(
            FailureCode.INVALID_PARAMETER,
            "{'id':'ID','stop':" + "[".repeat(97) + "]".repeat(97) + "}"),
    ID_A_NUMBER(FailureCode.INVALID_PARAMETER, "{'id':17,'prompt':'Dear'}"),
    FIELD_TWICE(FailureCode.UNREADABLE, "{'id':'ID','prompt':'Dear','prompt':'Sir'}"),
    STOP_A_NUMBER(FailureCode.INVALID_PARAMETER, "{'id':'ID','prompt':'Dear','stop':17}"),
    MISTYPED_FIELD(FailureCode.UNKNOWN_FIELD, "{'id':'ID','promt':'Dear'}"),
    NO_ID(FailureCode.MISSING_ID, "{'prompt':'Dear'}"),
    NO_PROMPT(FailureCode.EMPTY_PROMPT, "{'id':'ID'}"),
    EMPTY_PROMPT(FailureCode.EMPTY_PROMPT, "{'id':'ID','prompt':''}"),
    TWO_PROMPTS(
            FailureCode.AMBIGUOUS_PROMPT, "{'id':'ID','prompt':'Dear','prompt_token_ids':[17]}"),
    TOO_LONG(
            FailureCode.PROMPT_TOO_LONG,
            "{'id':'ID','prompt_token_ids':[17" + ",54".repeat(1023) + "]}"),
    NO_TOKENS(FailureCode.INVALID_PARAMETER, "{'id':'ID','prompt':'Dear','max_tokens':0}"),
    COLD(FailureCode.INVALID_PARAMETER, "{'id':'ID','prompt':'Dear','temperature':-1}"),
    TOO_MANY(FailureCode.INVALID_PARAMETER, "{'id':'ID','prompt':'Dear','n':97}"),
    OTHER_MODEL(FailureCode.UNKNOWN_MODEL, "{'id':'ID','prompt':'Dear','model':'other'}"),
    TOO_LATE(
            FailureCode.DEADLINE_EXCEEDED,
            "{'id':'ID','prompt':'Dear','deadline_ms':1700000000000}"),
    LONG_TEXT(
            FailureCode.PROMPT_TOO_LONG,
            "{'id':'ID','prompt':'" + "Dear Sir, ".repeat(9700) + "'}");

    private final FailureCode code;
    private final String text;

    Poison(FailureCode code, String text) {
        this.code = code;
        this.text = text;
    }

    static Poison of(int number) {
        return values()[number % values().length];
    }

    /** Name such as {@code cut-short}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The expected failure code. */
    String code() {
        return code.wireName();
    }

    /** The record's value; null for a tombstone. */
    byte[] value(String id) {
        if (this == TOMBSTONE) {
            return null;
        } else if (this == NO_TEXT) {
            return new byte[] {(byte) 0xC3, 0x28, (byte) 0xFF};
        }
        return text.replace('\'', '"').replace("ID", id).getBytes(UTF_8);
    }
}
