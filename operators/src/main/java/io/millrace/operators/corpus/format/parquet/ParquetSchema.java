package io.millrace.operators.corpus.format.parquet;

import io.millrace.operators.corpus.format.UnreadableFileException;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.format.ConvertedType;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.LogicalType;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.StringType;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Type.Repetition;

/**
 * The columns of a Parquet file as its footer lists them. Logical types (dates, decimals) are kept
 * and not interpreted. Immutable.
 */
final class ParquetSchema {
    /** Maximum nesting of groups. */
    private static final int MAX_DEPTH = 64;

    private final List<SchemaElement> elements;
    private final MessageType message;

    private ParquetSchema(List<SchemaElement> elements, MessageType message) {
        this.elements = elements;
        this.message = message;
    }

    /** Parses the schema elements of a footer, which are in depth-first order. */
    static ParquetSchema of(List<SchemaElement> elements) throws UnreadableFileException {
        if (elements.isEmpty()) {
            throw damaged("it is empty");
        }
        int[] at = {1};
        List<Type> fields = fields(elements, at, elements.get(0), 1);
        if (at[0] != elements.size()) {
            throw damaged("%d of its elements belong nowhere".formatted(elements.size() - at[0]));
        }
        if (fields.isEmpty()) {
            throw new UnreadableFileException("it has no columns");
        }
        return new ParquetSchema(elements, new MessageType(elements.get(0).getName(), fields));
    }

    private static List<Type> fields(
            List<SchemaElement> elements, int[] at, SchemaElement group, int depth)
            throws UnreadableFileException {
        if (depth > MAX_DEPTH) {
            throw new UnreadableFileException(
                    "its columns are nested deeper than %d".formatted(MAX_DEPTH));
        }
        List<Type> fields = new ArrayList<>();
        for (int i = 0; i < group.getNum_children(); i++) {
            if (at[0] >= elements.size()) {
                throw damaged("elements of %s are missing".formatted(group.getName()));
            }
            SchemaElement element = elements.get(at[0]++);
            if (fields.stream().anyMatch(other -> other.getName().equals(element.getName()))) {
                throw new UnreadableFileException(
                        "it has two columns \"%s\"".formatted(element.getName()));
            }
            fields.add(type(elements, at, element, depth));
        }
        return fields;
    }

    private static Type type(
            List<SchemaElement> elements, int[] at, SchemaElement element, int depth)
            throws UnreadableFileException {
        if (element.getRepetition_type() == null) {
            throw damaged("%s has no repetition".formatted(element.getName()));
        }
        Repetition repetition = Repetition.valueOf(element.getRepetition_type().name());
        if (element.isSetType()) {
            PrimitiveTypeName name = primitive(element);
            return new PrimitiveType(repetition, name, element.getType_length(), element.getName());
        }
        if (element.getNum_children() == 0) {
            throw new UnreadableFileException(
                    "its column \"%s\" is a group without fields".formatted(element.getName()));
        }
        return new GroupType(
                repetition, element.getName(), fields(elements, at, element, depth + 1));
    }

    private static PrimitiveTypeName primitive(SchemaElement element) {
        return switch (element.getType()) {
            case BOOLEAN -> PrimitiveTypeName.BOOLEAN;
            case INT32 -> PrimitiveTypeName.INT32;
            case INT64 -> PrimitiveTypeName.INT64;
            case INT96 -> PrimitiveTypeName.INT96;
            case FLOAT -> PrimitiveTypeName.FLOAT;
            case DOUBLE -> PrimitiveTypeName.DOUBLE;
            case BYTE_ARRAY -> PrimitiveTypeName.BINARY;
            case FIXED_LEN_BYTE_ARRAY -> PrimitiveTypeName.FIXED_LEN_BYTE_ARRAY;
        };
    }

    private static UnreadableFileException damaged(String what) {
        return new UnreadableFileException("its schema is damaged: " + what);
    }

    List<SchemaElement> elements() {
        return elements;
    }

    MessageType message() {
        return message;
    }

    /** The index of a top-level column; -1 if there is none of that name. */
    int column(String name) {
        return message.containsField(name) ? message.getFieldIndex(name) : -1;
    }

    /**
     * A schema with a column of strings added or replaced.
     *
     * @param replaced index of the column to replace; -1 to append
     */
    ParquetSchema withText(String name, int replaced) throws UnreadableFileException {
        SchemaElement text =
                new SchemaElement(name)
                        .setType(org.apache.parquet.format.Type.BYTE_ARRAY)
                        .setRepetition_type(FieldRepetitionType.OPTIONAL)
                        .setConverted_type(ConvertedType.UTF8)
                        .setLogicalType(LogicalType.STRING(new StringType()));
        List<SchemaElement> with = new ArrayList<>(elements);
        if (replaced < 0) {
            SchemaElement root = new SchemaElement(elements.get(0));
            with.set(0, root.setNum_children(root.getNum_children() + 1));
            with.add(text);
        } else {
            int from = 1;
            for (int column = 0; column < replaced; column++) {
                from = next(from);
            }
            with.subList(from, next(from)).clear();
            with.add(from, text);
        }
        return of(with);
    }

    /** Index of the first element after one and its descendants. */
    private int next(int element) {
        int next = element + 1;
        for (int i = 0; i < elements.get(element).getNum_children(); i++) {
            next = next(next);
        }
        return next;
    }
}
