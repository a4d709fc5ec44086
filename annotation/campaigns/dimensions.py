"""Dimensions that campaigns start from (§4.4.1; scored ones §7.2.2), with what each means to an annotator."""

from dataclasses import dataclass

from annotation.campaigns import rubric
from annotation.models import Campaign, Dimension, Task


@dataclass(frozen=True, kw_only=True)
class DimensionSpec:
    """A dimension of a campaign to be made. `reward` names the reward model it trains, or is empty."""

    key: str
    name_en: str
    name_zh: str
    definition_en: str = ""
    definition_zh: str = ""
    reward: str = ""
    required: bool = True

    def row(self, campaign: Campaign, position: int) -> Dimension:
        return Dimension(campaign=campaign, position=position, **self.__dict__)


def default_dimensions(
    task: str = Task.T2V, protocol: str = Campaign.Protocol.BEST_WORST
) -> tuple[DimensionSpec, ...]:
    """The usual dimensions; image-to-video asks for the first frame's preservation too."""
    if protocol == Campaign.Protocol.BEST_WORST:
        return tuple(d for d in _DEFAULTS if task == Task.I2V or d.key != "first_frame_preservation")
    scored = [one for one in rubric.RUBRIC if rubric.asked(one.key, task)]
    if protocol == Campaign.Protocol.GSB:
        scored.append(rubric.OVERALL)
    return tuple(
        DimensionSpec(
            key=one.key,
            name_en=one.name_en,
            name_zh=one.name_zh,
            definition_en=one.definition_en,
            definition_zh=one.definition_zh,
        )
        for one in scored
    )


_FOUNDATIONAL, _MOTION, _AESTHETIC = (
    Dimension.Reward.FOUNDATIONAL.value,
    Dimension.Reward.MOTION.value,
    Dimension.Reward.AESTHETIC.value,
)
_DEFAULTS = (
    DimensionSpec(
        key="prompt_following",
        name_en="Prompt following",
        name_zh="提示遵循",
        definition_en="Does the clip show what the prompt asks for: subjects, their number and attributes, "
        "actions and their order, camera, style? Ignore how beautiful it is.",
        definition_zh="画面是否符合提示：主体及其数量和属性、动作及先后、镜头、风格。不考虑画面是否好看。",
        reward=_FOUNDATIONAL,
    ),
    DimensionSpec(
        key="structural_stability",
        name_en="Structural stability",
        name_zh="结构稳定",
        definition_en="Do bodies, faces, hands and objects keep a sound shape through the clip? Worse: "
        "deformed limbs, melting, things that appear, vanish or merge.",
        definition_zh="人体、面部、手和物体的结构在整段视频中是否保持合理。肢体变形、融化、凭空出现、消失或粘连都更差。",
        reward=_FOUNDATIONAL,
    ),
    DimensionSpec(
        key="first_frame_preservation",
        name_en="First-frame preservation",
        name_zh="首帧保持",
        definition_en="Does the clip keep the given image: its subjects, colours, layout and style?",
        definition_zh="视频是否保持给定图像：首帧的主体身份、颜色、构图和风格。",
        reward=_FOUNDATIONAL,
    ),
    DimensionSpec(
        key="motion_quality",
        name_en="Motion quality",
        name_zh="运动质量",
        definition_en="Is the motion rich, smooth and physically plausible? Worse: hardly any motion, "
        "jitter, frozen or skipped frames, impossible movement.",
        definition_zh="运动是否丰富、流畅、符合物理规律。几乎不动、抖动、卡顿跳帧、不可能的动作都更差。",
        reward=_MOTION,
    ),
    DimensionSpec(
        key="aesthetic_quality",
        name_en="Aesthetic quality",
        name_zh="美学质量",
        definition_en="Composition, light, colour, sharpness, texture: which frame would you hang on a wall? "
        "Ignore the prompt and the motion.",
        definition_zh="构图、光线、色彩、清晰度、质感：哪个画面更好看。不考虑提示和运动。",
        reward=_AESTHETIC,
    ),
)
