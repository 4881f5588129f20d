package io.millrace.gpu.device.cuda.driver;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import jcuda.NativePointerObject;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;

/**
 * Calls of the NVIDIA driver that JCuda lacks, through JNA. The structs have the layout of {@code
 * cuda.h} and are reused by all calls, so each queue has a library of its own; one thread. Calls
 * are made while a graph is recorded, not while steps run.
 */
final class DriverLibrary {
    /** The driver library that JCuda has loaded. */
    private static final String NAME = "libcuda.so.1";

    /** CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION. */
    private static final int PROGRAMMATIC_SERIALIZATION = 6;

    /** Bytes of CUlaunchAttribute: its kind, and at offset 8 its value. */
    private static final int ATTRIBUTE_BYTES = 72;

    /** Bytes of CUlaunchConfig. */
    private static final int CONFIG_BYTES = 56;

    /** CU_GRAPH_KERNEL_NODE_PORT_PROGRAMMATIC, CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC. */
    private static final int PROGRAMMATIC = 1;

    private final Function launchKernelEx;
    private final Function graphGetEdges;
    private final Memory attribute = cleared(ATTRIBUTE_BYTES);
    private final Memory config = cleared(CONFIG_BYTES);
    private final Memory params = cleared(Native.POINTER_SIZE);

    /**
     * Looks up the calls.
     *
     * @throws LinkageError JNA does not support this system, or the driver lacks a call
     */
    DriverLibrary() {
        NativeLibrary library = NativeLibrary.getInstance(NAME);
        launchKernelEx = library.getFunction("cuLaunchKernelEx");
        graphGetEdges = library.getFunction("cuGraphGetEdges_v2");
        attribute.setInt(0, PROGRAMMATIC_SERIALIZATION);
        attribute.setInt(8, 1);
        config.setPointer(40, attribute);
        config.setInt(48, 1);
    }

    private static Memory cleared(int bytes) {
        Memory memory = new Memory(bytes);
        memory.clear();
        return memory;
    }

    /**
     * Queues a kernel that may begin before the one before it on the stream has ended.
     *
     * @param struct the kernel's one parameter, a direct buffer
     * @return a {@link CUresult}
     */
    int launchDependent(
            CUfunction function, KernelLaunch launch, ByteBuffer struct, CUstream stream) {
        config.setInt(0, launch.x());
        config.setInt(4, launch.y());
        config.setInt(8, launch.z());
        config.setInt(12, launch.threads());
        config.setInt(16, 1);
        config.setInt(20, 1);
        config.setInt(24, launch.sharedBytes());
        config.setPointer(32, Handle.pointer(stream));
        params.setPointer(0, Native.getDirectBufferPointer(struct));
        return launchKernelEx.invokeInt(
                new Object[] {config, Handle.pointer(function), params, Pointer.NULL});
    }

    /** Counts the edges of a graph. */
    GraphEdges edges(CUgraph graph) {
        Memory count = cleared(Long.BYTES);
        Pointer of = Handle.pointer(graph);
        edges(of, null, null, null, count);
        int all = Math.toIntExact(count.getLong(0));
        if (all == 0) {
            return new GraphEdges(0, 0);
        }
        // An entry has the ports it comes from and goes to, its type, and five reserved bytes.
        Memory data = cleared(all * Long.BYTES);
        edges(of, cleared(all * Long.BYTES), cleared(all * Long.BYTES), data, count);
        int programmatic = 0;
        for (int i = 0; i < all; i++) {
            boolean early = data.getByte((long) i * Long.BYTES) == PROGRAMMATIC;
            if (early && data.getByte((long) i * Long.BYTES + 2) == PROGRAMMATIC) {
                programmatic++;
            }
        }
        return new GraphEdges(all, programmatic);
    }

    private void edges(Pointer graph, Memory from, Memory to, Memory data, Memory count) {
        CudaDriver.check(
                graphGetEdges.invokeInt(new Object[] {graph, from, to, data, count}),
                "cuGraphGetEdges");
    }

    /** Reads the native handle from one of JCuda's objects. */
    private static final class Handle extends NativePointerObject {
        private Handle(NativePointerObject of) {
            super(of);
        }

        static Pointer pointer(NativePointerObject of) {
            return new Pointer(new Handle(of).getNativePointer());
        }
    }
}
