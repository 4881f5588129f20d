import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Makes the classes with which Java writes the structs of the kernels' headers. Maven runs it as it is:
 *
 * <pre>
 * java StructWriters.java OUT PACKAGE HEADER...
 * </pre>
 *
 * <p>Of each header, such as {@code sample_params.h}, comes a class, such as {@code SampleParamsHeader}, with
 * its constants and a class of each struct. A header may use the structs of those before it. What this program
 * reads of C is little, and anything else is an error:
 *
 * <pre>
 * constexpr int NAME = EXPRESSION;      an int for Java, too
 * enum NAME { NAME = NUMBER, ... };     ints; each on a line of its own
 * struct NAME { ... };                  fields, each on a line of its own, with its comment there or above
 * </pre>
 *
 * <p>A field is a pointer, an int32_t, uint32_t, int, unsigned, float, double, uint64_t or u64, or a struct of
 * such. None may need padding. Fields called {@code reserved} are 0. An array has no setter: the host writes no
 * struct with one, but knows its size.
 */
final class StructWriters {
    private static final Pattern CONSTANT = Pattern.compile("constexpr (?:int|int32_t) (\\w+) = ([^;]+);(?:\\s*//\\s*(.*))?");
    private static final Pattern NUMBER = Pattern.compile("(\\w+) = (-?\\d+),?(?:\\s*//\\s*(.*))?");
    private static final Pattern FIELD =
            Pattern.compile("(?:const )?(\\w+)(\\*?) (\\w+)(\\[(\\w+)])?;(?:\\s*//\\s*(.*))?");

    /** Bytes that a setter writes, by C type. */
    private static final Map<String, String> TYPES =
            Map.of(
                    "int32_t", "INT",
                    "uint32_t", "INT",
                    "int", "INT",
                    "unsigned", "INT",
                    "float", "FLOAT",
                    "double", "DOUBLE",
                    "uint64_t", "LONG",
                    "u64", "LONG");

    private static final int MOST_FIELDS = 64;

    /** A field; its type is a name of {@code Layout.Type}. */
    private record Field(String name, String type, Struct struct, int offset, int bytes, String comment) {
        boolean isArray() {
            return type.equals("ARRAY");
        }
    }

    /** A struct; {@code owner} is the class of its header. */
    private record Struct(String owner, String name, int bytes, int alignment, List<Field> fields, String comment) {
        boolean isParams() {
            return name.endsWith("Params");
        }

        boolean isWritten() {
            return fields.stream().noneMatch(Field::isArray);
        }
    }

    private final Map<String, Struct> structs = new HashMap<>();
    private final Map<String, Integer> constants = new HashMap<>();
    private String header;
    private int line;
    private String comment = "";

    private StructWriters() {}

    public static void main(String[] args) throws IOException {
        if (args.length < 3) {
            System.err.println("StructWriters: give it a folder, a package, and headers.");
            System.exit(2);
        }
        StructWriters writers = new StructWriters();
        Path folder = Path.of(args[0], args[1].split("\\."));
        Files.createDirectories(folder);
        try {
            for (int i = 2; i < args.length; i++) {
                Path source = Path.of(args[i]);
                String owner = owner(source.getFileName().toString());
                String text = writers.read(source, owner, args[1]);
                Path file = folder.resolve(owner + ".java");
                // A file that stays as it is is not compiled again.
                if (!Files.exists(file) || !Files.readString(file).equals(text)) {
                    Files.writeString(file, text);
                }
            }
        } catch (IllegalArgumentException e) {
            System.err.println("StructWriters: " + writers.header + ":" + writers.line + ": " + e.getMessage());
            System.exit(1);
        }
    }

    /** sample_params.h: SampleParamsHeader. */
    private static String owner(String file) {
        StringBuilder name = new StringBuilder();
        for (String word : file.replaceFirst("\\.h$", "").split("_")) {
            name.append(Character.toUpperCase(word.charAt(0))).append(word.substring(1));
        }
        return name.append("Header").toString();
    }

    private String read(Path source, String owner, String into) throws IOException {
        header = source.getFileName().toString();
        line = 0;
        StringBuilder out = new StringBuilder();
        out.append("// Made from %s by StructWriters.java.\n".formatted(header));
        out.append("package %s;\n\n".formatted(into));
        out.append("import io.millrace.gpu.device.cuda.driver.DeviceMemory;\n");
        out.append("import java.nio.ByteBuffer;\n");
        out.append("import java.util.List;\n\n");
        out.append("/** What {@code %s} declares. */\n".formatted(header));
        out.append("public final class %s {\n".formatted(owner));
        out.append("    private %s() {}\n".formatted(owner));
        List<String> lines = Files.readAllLines(source);
        List<Struct> own = new ArrayList<>();
        while (line < lines.size()) {
            String code = next(lines);
            Matcher constant = CONSTANT.matcher(code);
            if (code.startsWith("struct ") && code.endsWith(" {")) {
                Struct struct = struct(owner, code.substring(7, code.length() - 2), lines);
                structs.put(struct.name, struct);
                own.add(struct);
            } else if (code.startsWith("enum ") && code.endsWith(" {")) {
                for (code = next(lines); !code.equals("};"); code = next(lines)) {
                    Matcher number = match(NUMBER, code);
                    constant(number, out);
                }
            } else if (constant.matches()) {
                constant(constant, out);
            } else if (!code.isEmpty() && !code.startsWith("#") && !code.startsWith("typedef ")) {
                throw new IllegalArgumentException("this is none of what StructWriters.java reads: " + code);
            }
        }
        own.forEach(struct -> write(struct, out));
        out.append("\n    static final List<Layout> LAYOUTS =\n            List.of(\n");
        String layouts = own.stream().map(struct -> struct.name + ".LAYOUT").collect(Collectors.joining(",\n                    "));
        out.append("                    %s);\n".formatted(layouts));
        return out.append("}\n").toString();
    }

    /** The next line without its indentation; a comment of its own is kept for what follows. */
    private String next(List<String> lines) {
        if (line == lines.size()) {
            throw new IllegalArgumentException("the file ends within a declaration or a comment");
        }
        String code = lines.get(line++).strip();
        if (code.startsWith("//")) {
            return "";
        }
        if (!code.startsWith("/**")) {
            return code;
        }
        StringBuilder text = new StringBuilder();
        while (!code.endsWith("*/")) {
            text.append(code).append(' ');
            if (line == lines.size()) {
                return next(lines);
            }
            code = lines.get(line++).strip().replaceFirst("^\\* ?(?!/)", "");
        }
        text.append(code);
        comment = text.toString().replaceAll("^/\\*\\*|\\*/$", "").replaceAll("\\s+", " ").strip();
        return line == lines.size() ? "" : next(lines);
    }

    private static Matcher match(Pattern pattern, String code) {
        Matcher found = pattern.matcher(code);
        if (!found.matches()) {
            throw new IllegalArgumentException("this is none of what StructWriters.java reads: " + code);
        }
        return found;
    }

    /** The comment above, or else the one behind. */
    private String comment(String behind) {
        String above = comment;
        comment = "";
        return above.isEmpty() && behind != null ? behind : above;
    }

    private void constant(Matcher found, StringBuilder out) {
        String name = found.group(1);
        String value = found.group(2);
        javadoc(comment(found.group(3)), "    ", out);
        out.append("    public static final int %s = %s;\n".formatted(name, value));
        if (value.matches("-?\\d+")) {
            constants.put(name, Integer.parseInt(value));
        }
    }

    private Struct struct(String owner, String name, List<String> lines) {
        String above = comment(null);
        List<Field> fields = new ArrayList<>();
        int bytes = 0;
        int alignment = 4;
        for (String code = next(lines); !code.equals("};"); code = next(lines)) {
            if (code.isEmpty()) {
                continue;
            }
            Field field = field(match(FIELD, code), bytes);
            int aligned = field.struct != null ? field.struct.alignment : code.contains("[") ? 4 : field.bytes;
            if (bytes % aligned != 0) {
                throw new IllegalArgumentException(
                        "%s.%s would need padding: put fields of 8 bytes first".formatted(name, field.name));
            }
            alignment = Math.max(alignment, aligned);
            bytes += field.bytes;
            fields.add(field);
        }
        if (bytes % alignment != 0) {
            throw new IllegalArgumentException(
                    "%s would need padding at its end: give it a field int32_t reserved".formatted(name));
        }
        if (fields.size() > MOST_FIELDS) {
            throw new IllegalArgumentException("%s has more than %d fields".formatted(name, MOST_FIELDS));
        }
        return new Struct(owner, name, bytes, alignment, fields, above);
    }

    private Field field(Matcher found, int offset) {
        String name = found.group(3);
        String text = comment(found.group(6));
        boolean pointer = !found.group(2).isEmpty();
        Struct struct = pointer ? null : structs.get(found.group(1));
        String type = pointer ? "POINTER" : struct != null ? "STRUCT" : TYPES.get(found.group(1));
        if (type == null) {
            throw new IllegalArgumentException("%s has an unknown type, %s".formatted(name, found.group(1)));
        }
        int bytes = struct != null ? struct.bytes : type.matches("POINTER|LONG|DOUBLE") ? 8 : 4;
        boolean reserved = name.startsWith("reserved");
        if (found.group(4) != null) {
            if (bytes > 4 || struct != null) {
                throw new IllegalArgumentException(name + " is an array of other than words of 4 bytes");
            }
            return new Field(name, reserved ? "RESERVED" : "ARRAY", null, offset, 4 * length(found.group(5)), text);
        }
        return new Field(name, reserved ? "RESERVED" : type, struct, offset, bytes, text);
    }

    private int length(String text) {
        Integer value = text.matches("\\d+") ? Integer.valueOf(text) : constants.get(text);
        if (value == null) {
            throw new IllegalArgumentException("%s is no constant of a header read so far".formatted(text));
        }
        return value;
    }

    private void write(Struct struct, StringBuilder out) {
        String base = struct.isParams() ? "KernelParams" : "Struct";
        javadoc(struct.comment, "    ", out);
        out.append("    public static final class %s extends %s {\n".formatted(struct.name, base));
        out.append("        public static final int BYTES = %d;\n\n".formatted(struct.bytes));
        out.append("        static final Layout LAYOUT =\n");
        out.append("                new Layout(\n");
        out.append("                        \"%s\",\n                        BYTES,\n".formatted(struct.name));
        out.append("                        List.of(\n");
        for (int i = 0; i < struct.fields.size(); i++) {
            Field field = struct.fields.get(i);
            out.append("                                new Layout.Field(\"%s\", %d, Layout.Type.%s)%s\n".formatted(
                    field.name,
                    field.offset,
                    field.isArray() ? "RESERVED" : field.type,
                    i + 1 < struct.fields.size() ? "," : "));\n"));
        }
        if (!struct.isWritten()) {
            out.append("        private %s() {\n            super(LAYOUT);\n        }\n    }\n".formatted(struct.name));
            return;
        }
        for (Field field : struct.fields) {
            if (field.struct != null) {
                javadoc(field.comment, "        ", out);
                String type = field.struct.owner + "." + field.struct.name;
                out.append("        public final %s %s = new %s(this, %d);\n\n".formatted(
                        type, field.name, type, field.offset));
            }
        }
        constructors(struct, out);
        for (int i = 0; i < struct.fields.size(); i++) {
            Field field = struct.fields.get(i);
            if (!field.type.matches("STRUCT|RESERVED")) {
                setter(struct, field, i, out);
            }
        }
        out.append("    }\n");
    }

    private static void constructors(Struct struct, StringBuilder out) {
        out.append("        public %s() {\n            super(LAYOUT);\n        }\n\n".formatted(struct.name));
        out.append("        %s(Struct whole, int offset) {\n".formatted(struct.name));
        out.append("            super(LAYOUT, whole, offset);\n        }\n");
        if (struct.isParams()) {
            out.append("\n        /** Clears all fields, which must then be set. */\n");
            out.append("        public %s begin() {\n            clear();\n".formatted(struct.name));
        } else {
            out.append("\n        /** Moves to a byte of the memory and clears all fields, which must then be set. */\n");
            out.append("        public %s begin(ByteBuffer memory, int at) {\n".formatted(struct.name));
            out.append("            moveTo(memory, at);\n            clear();\n");
        }
        out.append("            return this;\n        }\n");
    }

    private static void setter(Struct struct, Field field, int index, StringBuilder out) {
        boolean pointer = field.type.equals("POINTER");
        String type = pointer ? "long" : field.type.toLowerCase(Locale.ROOT);
        javadoc(field.comment, "        ", out);
        out.append("        public %s %s(%s value) {\n".formatted(struct.name, field.name, type));
        out.append("            set(%d, value);\n            return this;\n        }\n".formatted(index));
        if (pointer) {
            javadoc(field.comment, "        ", out);
            out.append("        public %s %s(DeviceMemory memory) {\n".formatted(struct.name, field.name));
            out.append("            return %s(address(memory));\n        }\n".formatted(field.name));
        }
    }

    private static void javadoc(String text, String indent, StringBuilder out) {
        String escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;");
        out.append('\n');
        if (!escaped.isEmpty()) {
            out.append("%s/** %s */\n".formatted(indent, escaped));
        }
    }
}
