package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.Arguments;
import io.millrace.gpu.text.jinja.value.Output;
import io.millrace.gpu.text.jinja.value.PythonText;
import io.millrace.gpu.text.jinja.value.Sandbox;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.Types;
import io.millrace.gpu.text.jinja.value.Value;
import io.millrace.gpu.text.jinja.value.Value.Kind;
import io.millrace.gpu.text.jinja.value.Value.None;
import io.millrace.gpu.text.jinja.value.Value.Seq;
import io.millrace.gpu.text.jinja.value.Value.Str;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The methods of one Python string. */
final class StringMethods {
    static final Set<String> NAMES =
            Set.of(
                    "capitalize",
                    "casefold",
                    "center",
                    "count",
                    "endswith",
                    "find",
                    "index",
                    "isalnum",
                    "isalpha",
                    "isascii",
                    "isdecimal",
                    "isdigit",
                    "islower",
                    "isnumeric",
                    "isspace",
                    "isupper",
                    "join",
                    "ljust",
                    "lower",
                    "lstrip",
                    "partition",
                    "removeprefix",
                    "removesuffix",
                    "replace",
                    "rfind",
                    "rindex",
                    "rjust",
                    "rpartition",
                    "rsplit",
                    "rstrip",
                    "split",
                    "splitlines",
                    "startswith",
                    "strip",
                    "swapcase",
                    "title",
                    "upper",
                    "zfill",
                    "format");

    private final Str self;
    private final String text;
    private final Sandbox sandbox;
    private final Evaluator evaluator;

    StringMethods(Str self, Evaluator evaluator) {
        this.self = self;
        this.text = self.text();
        this.sandbox = evaluator.sandbox();
        this.evaluator = evaluator;
    }

    Value call(String name, Arguments arguments) {
        sandbox.scan(text.length());
        return switch (name) {
            case "upper", "lower", "casefold", "capitalize", "title", "swapcase" ->
                    recased(name, arguments);
            case "strip", "lstrip", "rstrip" -> stripped(name, arguments);
            case "split", "rsplit" -> split(name, arguments);
            case "startswith", "endswith" -> Value.of(hasAffix(name, arguments));
            case "find", "rfind", "index", "rindex" -> find(name, arguments);
            case "removeprefix", "removesuffix" -> withoutAffix(name, arguments);
            case "partition", "rpartition" -> partition(name, arguments);
            case "center", "ljust", "rjust", "zfill" -> padded(name, arguments);
            case "replace" -> {
                Arguments.Bound b = arguments.bind(name, "old", "new", "count");
                yield text(
                        replaced(text, escaped(b.text(0)), escaped(b.text(1)), b.integer(2, -1)));
            }
            case "join" -> joined(arguments);
            case "count" -> count(arguments);
            case "splitlines" ->
                    list(
                            StringParts.lines(
                                    arguments.bind(name, "keepends").isTrue(0, false), text));
            case "format" -> text(formatted(arguments));
            default -> {
                arguments.bind(name);
                yield Value.of(StringPredicates.is(name, text));
            }
        };
    }

    private Value text(String result) {
        sandbox.text(result.length());
        return new Str(result, self.safe());
    }

    private Value list(List<String> parts) {
        sandbox.elements(parts.size());
        List<Value> values = new ArrayList<>(parts.size());
        parts.forEach(part -> values.add(text(part)));
        return Seq.list(values);
    }

    /** An argument of a safe string's method, escaped. */
    private String escaped(String argument) {
        return self.safe() ? PythonText.escaped(argument) : argument;
    }

    private Value recased(String name, Arguments arguments) {
        arguments.bind(name);
        return text(
                switch (name) {
                    case "upper" -> PythonText.upper(text);
                    case "capitalize" -> PythonText.capitalize(text);
                    case "title" -> PythonText.title(text);
                    case "swapcase" -> PythonText.swapCase(text);
                    case "casefold" -> PythonText.lower(PythonText.upper(text));
                    default -> PythonText.lower(text);
                });
    }

    private Value stripped(String name, Arguments arguments) {
        Arguments.Bound bound = arguments.bind(name, "chars");
        String characters = bound.or(0, None.NONE) == None.NONE ? null : escaped(bound.text(0));
        sandbox.scan(text.length() * (characters == null ? 1L : 1L + characters.length() / 8));
        return text(
                PythonText.strip(text, characters, !name.equals("rstrip"), !name.equals("lstrip")));
    }

    private Value split(String name, Arguments arguments) {
        Arguments.Bound bound = arguments.bind(name, "sep", "maxsplit");
        int most = bound.integer(1, -1);
        if (most < 0) {
            most = Integer.MAX_VALUE;
        }
        boolean fromRight = name.equals("rsplit");
        StringParts parts = new StringParts(text, sandbox);
        if (bound.or(0, None.NONE) == None.NONE) {
            return list(fromRight ? parts.wordsFromRight(most) : parts.words(most));
        }
        String separator = bound.text(0);
        if (separator.isEmpty()) {
            throw TemplateException.of(name + " wants a separator that is not empty");
        }
        return list(
                fromRight
                        ? parts.betweenFromRight(separator, most)
                        : parts.between(separator, most));
    }

    /** The part of the text between start and end; empty if they cross. */
    private Optional<String> between(Arguments.Bound bound, int start, int end) {
        int length = PythonText.length(text);
        int from = position(bound, start, 0, length);
        int to = position(bound, end, length, length);
        return from > to || from > length
                ? Optional.empty()
                : Optional.of(PythonText.slice(text, from, Math.min(to, length)));
    }

    private static int position(Arguments.Bound bound, int parameter, int otherwise, int length) {
        int at =
                bound.or(parameter, None.NONE) == None.NONE
                        ? otherwise
                        : bound.integer(parameter, otherwise);
        return at < 0 ? Math.max(0, at + length) : at;
    }

    private boolean hasAffix(String name, Arguments arguments) {
        Arguments.Bound bound = arguments.bind(name, "affix", "start", "end");
        Value affix = bound.get(0);
        List<Value> choices =
                affix instanceof Seq s && s.kind == Kind.TUPLE ? s.items() : List.of(affix);
        Optional<String> part = between(bound, 1, 2);
        for (Value choice : choices) {
            if (!(choice instanceof Str s)) {
                throw TemplateException.of(name + " wants a string or a tuple of strings");
            }
            if (part.isPresent()
                    && (name.equals("startswith")
                            ? part.get().startsWith(s.text())
                            : part.get().endsWith(s.text()))) {
                return true;
            }
        }
        return false;
    }

    private Value find(String name, Arguments arguments) {
        Arguments.Bound bound = arguments.bind(name, "sub", "start", "end");
        String wanted = bound.text(0);
        Optional<String> part = between(bound, 1, 2);
        int at =
                part.isEmpty()
                        ? -1
                        : name.startsWith("r")
                                ? part.get().lastIndexOf(wanted)
                                : part.get().indexOf(wanted);
        if (at >= 0) {
            int start = position(bound, 1, 0, PythonText.length(text));
            return Value.of((long) start + part.get().codePointCount(0, at));
        } else if (name.endsWith("index")) {
            throw TemplateException.of(name + " does not find its string");
        }
        return Value.of(-1);
    }

    private Value count(Arguments arguments) {
        Arguments.Bound bound = arguments.bind("count", "sub", "start", "end");
        String wanted = bound.text(0);
        Optional<String> part = between(bound, 1, 2);
        if (part.isEmpty()) {
            return Value.of(0);
        } else if (wanted.isEmpty()) {
            return Value.of(PythonText.length(part.get()) + 1L);
        }
        int count = 0;
        int from = part.get().indexOf(wanted);
        while (from >= 0) {
            count++;
            from = part.get().indexOf(wanted, from + wanted.length());
        }
        return Value.of(count);
    }

    private Value withoutAffix(String name, Arguments arguments) {
        String affix = arguments.bind(name, "affix").text(0);
        if (name.equals("removeprefix")) {
            return text(text.startsWith(affix) ? text.substring(affix.length()) : text);
        }
        boolean ends = !affix.isEmpty() && text.endsWith(affix);
        return text(ends ? text.substring(0, text.length() - affix.length()) : text);
    }

    private Value partition(String name, Arguments arguments) {
        String separator = arguments.bind(name, "sep").text(0);
        if (separator.isEmpty()) {
            throw TemplateException.of(name + " wants a separator that is not empty");
        }
        boolean first = name.equals("partition");
        int at = first ? text.indexOf(separator) : text.lastIndexOf(separator);
        if (at < 0) {
            Value empty = text("");
            return first
                    ? Seq.tuple(text(text), empty, empty)
                    : Seq.tuple(empty, empty, text(text));
        }
        return Seq.tuple(
                text(text.substring(0, at)),
                text(separator),
                text(text.substring(at + separator.length())));
    }

    private Value padded(String name, Arguments arguments) {
        Arguments.Bound bound =
                name.equals("zfill")
                        ? arguments.bind(name, "width")
                        : arguments.bind(name, "width", "fillchar");
        bound.get(0);
        long missing = (long) bound.integer(0, 0) - PythonText.length(text);
        if (missing <= 0) {
            return text(text);
        }
        sandbox.text(missing);
        if (name.equals("zfill")) {
            int sign = text.startsWith("-") || text.startsWith("+") ? 1 : 0;
            return text(text.substring(0, sign) + "0".repeat((int) missing) + text.substring(sign));
        }
        String fill = bound.has(1) ? escaped(bound.text(1)) : " ";
        if (PythonText.length(fill) != 1) {
            throw TemplateException.of(name + " wants one character to fill with");
        }
        // As in CPython: an odd space goes to the left if the width is odd.
        long center = missing / 2 + (missing & bound.integer(0, 0) & 1);
        long left = name.equals("ljust") ? 0 : name.equals("rjust") ? missing : center;
        return text(fill.repeat((int) left) + text + fill.repeat((int) (missing - left)));
    }

    private String replaced(String in, String old, String by, int count) {
        int most = count < 0 ? Integer.MAX_VALUE : count;
        Output out = new Output(sandbox);
        if (old.isEmpty()) {
            int done = 0;
            int at = 0;
            for (; done < most && at <= in.length(); done++) {
                out.append(by);
                if (at == in.length()) {
                    return out.toString();
                }
                int next = in.offsetByCodePoints(at, 1);
                out.append(in.substring(at, next));
                at = next;
            }
            return out.append(in.substring(at)).toString();
        }
        int from = 0;
        int at = in.indexOf(old);
        for (int done = 0; at >= 0 && done < most; done++) {
            sandbox.step();
            out.append(in.substring(from, at)).append(by);
            from = at + old.length();
            at = in.indexOf(old, from);
        }
        return out.append(in.substring(from)).toString();
    }

    private Value joined(Arguments arguments) {
        Output out = new Output(sandbox);
        String separator = "";
        for (Value item : Types.items(arguments.bind("join", "iterable").get(0), sandbox)) {
            if (!(evaluator.used(item) instanceof Str s)) {
                throw TemplateException.of(
                        "join wants strings, not "
                                + Types.name(item)
                                + "; the filter join takes all");
            }
            out.append(separator).append(s.safe() ? s.text() : escaped(s.text()));
            separator = text;
        }
        return text(out.toString());
    }

    /** Python's format with simple fields only: {}, {0}, {name}. */
    private String formatted(Arguments arguments) {
        Output out = new Output(sandbox);
        int next = 0;
        boolean counted = false;
        for (int at = 0; at < text.length(); at++) {
            char c = text.charAt(at);
            if (text.startsWith("{{", at) || text.startsWith("}}", at)) {
                out.append(text.substring(at, ++at));
            } else if (c == '{') {
                int close = text.indexOf('}', at);
                String field = close < 0 ? "!" : text.substring(at + 1, close);
                if (!field.matches("[0-9]{0,4}|[A-Za-z][A-Za-z_0-9]{0,99}")) {
                    throw TemplateException.of("format knows plain fields only, like {} or {name}");
                }
                Value value = arguments.named().get(field);
                if (field.isEmpty() || Character.isDigit(field.charAt(0))) {
                    counted |= !field.isEmpty();
                    if (counted && (field.isEmpty() || next > 0)) {
                        throw TemplateException.of("format cannot mix {} with {0}");
                    }
                    int index = field.isEmpty() ? next++ : Integer.parseInt(field);
                    value =
                            index < arguments.positional().size()
                                    ? arguments.positional().get(index)
                                    : null;
                }
                if (value == null) {
                    throw TemplateException.of("format has no value for {" + field + "}");
                }
                out.append(escaped(evaluator.text(value)));
                at = close;
            } else if (c == '}') {
                throw TemplateException.of("format meets a single '}'");
            } else {
                out.append(Character.toString(c));
            }
        }
        return out.toString();
    }
}
