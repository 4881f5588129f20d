package io.millrace.gpu.device.cuda.driver;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Tests that need a GPU; elsewhere they are skipped, with the reason. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Tag("gpu")
@ExtendWith(RequiresGpu.Condition.class)
public @interface RequiresGpu {

    /** Asks whether this machine has one. */
    public final class Condition implements ExecutionCondition {
        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            String reason = CudaModelRunner.reasonAgainst(EngineOptions.ANY_GPU);
            return reason == null
                    ? ConditionEvaluationResult.enabled("There is a GPU.")
                    : ConditionEvaluationResult.disabled(reason);
        }
    }
}
