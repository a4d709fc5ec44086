"""A trainer that follows the protocol without torch: `python -m tests.runs.script_trainer --run-dir DIR`.

Its "weights" are a chain of hashes over the steps, so a step left out or done twice gives other weights.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

stopping = False


def on_sigterm(_number: int, _frame: object) -> None:
    global stopping
    stopping = True


def main(folder: Path) -> int:
    config = json.loads((folder / "config.json").read_text())
    signal.signal(signal.SIGTERM, signal.SIG_IGN if config.get("deaf") else on_sigterm)
    out = (folder / "events.jsonl").open("a")

    def write(event: str, **fields: Any) -> None:
        out.write(json.dumps({"event": event, **fields}) + "\n")
        out.flush()

    if config.get("refuse"):
        write("error", text=config["refuse"], traceback="")
        return 2
    done, state = 0, b"start"
    if (folder / "resume").is_dir():
        state = (folder / "resume" / "model.safetensors").read_bytes()
        done = json.loads((folder / "resume" / "state.pt").read_text())["step"]
    total = config["steps"]
    write("start", resumed_from=done or None, total_steps=total, at="2026-01-01T00:00:00Z")
    if text := config.get("raw"):
        out.write(text + "\n")
        out.flush()
    for step in range(done + 1, total + 1):
        state = hashlib.sha256(state + bytes([step % 256])).digest()
        time.sleep(config.get("delay", 0))
        write("metric", step=step, values={"train/loss": 1 / step})
        write("progress", step=step, total=total)
        if config.get("kill_at") == step and not done:
            os.kill(os.getpid(), signal.SIGKILL)
        if config.get("raise_at") == step:
            write("error", text="ValueError: the loss is odd", traceback="Traceback: line 1")
            return 1
        if config.get("exit_at") == step:
            print("last words on stderr", file=sys.stderr)
            return int(config["exit_code"])
        last = step == total
        every = config.get("checkpoint_every", 5)  # 0: none at all
        if every and (last or stopping or step % every == 0):
            path = f"checkpoints/step-{step:06d}"
            (folder / path).mkdir(parents=True)
            (folder / path / "model.safetensors").write_bytes(state)
            (folder / path / "state.pt").write_text(json.dumps({"step": step}))
            (folder / "samples").mkdir(exist_ok=True)
            (folder / f"samples/{step}.txt").write_text(f"sample of step {step}")
            write("sample", step=step, path=f"samples/{step}.txt", caption=f"at {step}")
            write("checkpoint", step=step, path=path, final=last)
        if stopping and not last:
            write("end", state="stopped")
            return 143
    write("result", values={"loss": 1 / total})
    write("end", state="succeeded")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1])))
