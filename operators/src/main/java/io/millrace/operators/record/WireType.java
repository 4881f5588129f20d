package io.millrace.operators.record;

import java.lang.reflect.Type;
import java.util.Map;
import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInfoFactory;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

/** Type information of the records between our operators: opaque, immutable, without Kryo. */
public final class WireType<T> extends TypeInformation<T> {
    private static final long serialVersionUID = 1L;

    public static final WireType<Inbound> INBOUND =
            new WireType<>(Inbound.class, InboundSerializer.INSTANCE);
    public static final WireType<MicroBatch> MICRO_BATCH =
            new WireType<>(MicroBatch.class, MicroBatchSerializer.INSTANCE);
    public static final WireType<Outcome> OUTCOME =
            new WireType<>(Outcome.class, OutcomeSerializer.INSTANCE);

    private final Class<T> type;
    private final TypeSerializer<T> serializer;

    /** Type information of another package's type. */
    public static <T> WireType<T> of(Class<T> type, WireSerializer<T> serializer) {
        return new WireType<>(type, serializer);
    }

    private WireType(Class<T> type, TypeSerializer<T> serializer) {
        this.type = type;
        this.serializer = serializer;
    }

    @Override
    public boolean isBasicType() {
        return false;
    }

    @Override
    public boolean isTupleType() {
        return false;
    }

    @Override
    public int getArity() {
        return 1;
    }

    @Override
    public int getTotalFields() {
        return 1;
    }

    @Override
    public Class<T> getTypeClass() {
        return type;
    }

    @Override
    public boolean isKeyType() {
        return false;
    }

    @Override
    public TypeSerializer<T> createSerializer(SerializerConfig config) {
        return serializer;
    }

    @Override
    public String toString() {
        return type.getSimpleName();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof WireType<?> that && that.type == type;
    }

    @Override
    public int hashCode() {
        return type.hashCode();
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof WireType<?>;
    }

    /** Lets Flink find {@link #INBOUND} by the class alone. */
    public static final class InboundFactory extends TypeInfoFactory<Inbound> {
        @Override
        public TypeInformation<Inbound> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return INBOUND;
        }
    }

    /** Lets Flink find {@link #OUTCOME} by the class alone. */
    public static final class OutcomeFactory extends TypeInfoFactory<Outcome> {
        @Override
        public TypeInformation<Outcome> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return OUTCOME;
        }
    }
}
