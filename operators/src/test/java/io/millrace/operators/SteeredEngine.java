package io.millrace.operators;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.engine.Engine;
import io.millrace.gpu.engine.EngineLoader;
import java.io.IOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;

/**
 * The model that ships, on the CPU, whose steps a {@link TestingControl} holds and counts as those
 * of a {@link TestingEngine}.
 */
public final class SteeredEngine implements InvocationHandler {
    private final Engine engine;
    private final TestingControl control;
    private final Map<Long, String> ids = new HashMap<>();

    /** Tokens so far of first completions. */
    private final Map<Long, Integer> counts = new HashMap<>();

    private SteeredEngine(Engine engine, TestingControl control) {
        this.engine = engine;
        this.control = control;
    }

    /** Options whose engine {@code TestingControl.of(name)} steers. */
    public static EngineOptions options(String name) {
        return EngineOptions.of("../models/triage")
                .withModelName(name)
                .withDevice(Device.CPU)
                .withMaxModelLen(400);
    }

    public static EngineLoader loader() {
        return new Loader();
    }

    private static final class Loader implements EngineLoader {
        private static final long serialVersionUID = 1L;

        @Override
        public Engine load(EngineOptions options) throws IOException {
            TestingControl control = TestingControl.of(options.modelName());
            control.onLoad();
            Engine engine = Engine.open(options);
            control.onOpened();
            return (Engine)
                    Proxy.newProxyInstance(
                            Engine.class.getClassLoader(),
                            new Class<?>[] {Engine.class},
                            new SteeredEngine(engine, control));
        }
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        switch (method.getName()) {
            case "step":
                step((StepListener) arguments[0]);
                return null;
            case "add":
                GenerationRequest request = (GenerationRequest) arguments[0];
                long handle = engine.add(request);
                ids.put(handle, request.id());
                counts.put(
                        handle,
                        request.generated().isEmpty() ? 0 : request.generated().get(0).length);
                control.onAdd(request);
                return handle;
            case "close":
                engine.close();
                control.onClosed();
                return null;
            default:
                try {
                    return method.invoke(engine, arguments);
                } catch (InvocationTargetException e) {
                    throw e.getCause();
                }
        }
    }

    private void step(StepListener listener) {
        if (!control.mayStep()) {
            return;
        }
        engine.step(
                new StepListener() {
                    @Override
                    public void onToken(long handle, int completion, int token) {
                        int position =
                                completion == 0 ? counts.merge(handle, 1, Integer::sum) - 1 : -1;
                        control.beforeToken(ids.get(handle), position);
                        control.onToken(ids.get(handle));
                        listener.onToken(handle, completion, token);
                    }

                    @Override
                    public void onFinished(long handle, GenerationResult result) {
                        listener.onFinished(handle, result);
                    }

                    @Override
                    public void onFailed(long handle, String reason) {
                        listener.onFailed(handle, reason);
                    }
                });
        control.onStep();
    }
}
