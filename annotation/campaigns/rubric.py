"""What experts score a clip by (§7.2.2): dimensions, their aspects, and what each score from 1 to 5 means.

An aspect is what a defect or a strength is marked in. The dimensions and their aspects are the report's; the
definitions and the anchors of the scores are ours. Pure data.
"""

from dataclasses import dataclass
from typing import Any

SCALE = range(1, 6)
"""§7.2.3: 1 is extreme dissatisfaction, 5 utmost satisfaction."""


@dataclass(frozen=True)
class Aspect:
    """A part of a dimension."""

    key: str
    name_en: str
    name_zh: str
    definition_en: str
    definition_zh: str


@dataclass(frozen=True)
class Rubric:
    """A dimension as experts score it; `anchors` are (English, Chinese) for the scores 1 to 5."""

    key: str
    name_en: str
    name_zh: str
    definition_en: str
    definition_zh: str
    aspects: tuple[Aspect, ...]
    anchors: tuple[tuple[str, str], ...]
    only_for: str = ""
    """The task whose prompts alone are asked it: "i2v"; "" for all."""


def rubric(key: str) -> Rubric | None:
    """The rubric of a dimension; None for a dimension that a campaign has made up."""
    return _BY_KEY.get(key)


def aspect_keys(dimension: str) -> frozenset[str]:
    """Of a dimension; empty where it has none."""
    found = _BY_KEY.get(dimension)
    return frozenset(aspect.key for aspect in found.aspects) if found else frozenset()


def asked(dimension: str, task: str) -> bool:
    """Whether clips of a prompt of this task are scored in the dimension."""
    found = _BY_KEY.get(dimension)
    return not found or not found.only_for or found.only_for == task


def shown(dimension: str, language: str) -> dict[str, Any]:
    """Aspects and anchors in a language, as a page and the API show them; the scale's own where none are."""
    chinese = language.startswith("zh")
    found = _BY_KEY.get(dimension)
    return {
        "aspects": [
            {
                "key": aspect.key,
                "name": aspect.name_zh if chinese else aspect.name_en,
                "definition": aspect.definition_zh if chinese else aspect.definition_en,
            }
            for aspect in (found.aspects if found else ())
        ],
        "anchors": [anchor[chinese] for anchor in (found.anchors if found else ANY_ANCHORS)],
    }


ANY_ANCHORS = (
    ("Extremely dissatisfied: unusable", "极不满意：无法使用"),
    ("Dissatisfied: faults spoil it", "不满意：缺陷破坏观感"),
    ("Neither: passable, with clear faults", "一般：勉强可用，缺陷明显"),
    ("Satisfied: good, with small faults", "满意：质量好，仅有小瑕疵"),
    ("Utmost satisfaction: nothing to improve", "极满意：无可挑剔"),
)

RUBRIC = (
    Rubric(
        key="motion_quality",
        name_en="Motion quality",
        name_zh="运动质量",
        definition_en="Do bodies and things keep a sound shape while they move, and is the motion plausible, "
        "stable and alive?",
        definition_zh="运动过程中人体与物体的结构是否正确，运动是否合理、稳定、生动。",
        aspects=(
            Aspect(
                "structural_accuracy",
                "Structural accuracy",
                "结构准确",
                "Extra or missing limbs, cut-off parts, unnatural bends, inhuman postures",
                "多肢或缺肢、肢体截断、不自然的弯折、非人的姿态",
            ),
            Aspect(
                "motion_plausibility",
                "Plausibility",
                "运动合理",
                "Path and speed obey physics and common sense; nothing stands unnaturally still",
                "轨迹与速度符合物理规律和常识；主体没有不自然的静止或幅度不足",
            ),
            Aspect(
                "motion_stability",
                "Stability",
                "运动稳定",
                "Flicker, smear, jitter or melting that the motion of subject or background brings",
                "主体或背景运动带来的闪烁、拖影、抖动、融化等伪影",
            ),
            Aspect(
                "motion_vividness",
                "Vividness",
                "运动生动",
                "Actions are complete, connected and lifelike; the camera moves beautifully",
                "动作完整、连贯、逼真；运镜有美感",
            ),
        ),
        anchors=(
            (
                "Broken: bodies fall apart, or nothing moves right",
                "崩坏：结构解体，或毫无正常运动",
            ),
            (
                "Poor: grave errors most of the time",
                "差：多数时间有严重错误",
            ),
            ("Fair: understandable, with errors that catch the eye", "一般：动作可辨，但错误明显"),
            ("Good: natural; small flaws when looked for", "好：自然流畅，细看才有小瑕疵"),
            ("Excellent: as filmed; rich, sound and convincing", "优秀：如同实拍，丰富、正确、可信"),
        ),
    ),
    Rubric(
        key="prompt_following",
        name_en="Prompt following",
        name_zh="提示遵循",
        definition_en="Does the clip show what the prompt asks for? Ignore how beautiful it is.",
        definition_zh="画面是否呈现提示所要求的内容。不考虑是否好看。",
        aspects=(
            Aspect(
                "action_responsiveness",
                "Action responsiveness",
                "动作响应",
                "The actions asked for happen, with the strength and direction asked for",
                "所要求的动作都发生，幅度与方向符合要求",
            ),
            Aspect(
                "subject_fidelity",
                "Subject fidelity",
                "主体还原",
                "The subjects have the kind, number, looks and place described",
                "主体的类别、数量、外观和位置与描述一致",
            ),
            Aspect(
                "style_conformity",
                "Style",
                "风格符合",
                "The look asked for: film, animation, ink, period",
                "符合所要求的风格：电影、动画、水墨、年代等",
            ),
            Aspect(
                "auxiliary_entities",
                "Auxiliary entities",
                "附属元素",
                "Secondary things and people that are named are there",
                "提到的次要人物和物件都出现",
            ),
            Aspect(
                "temporal_alignment",
                "Temporal alignment",
                "时序对应",
                "Actions and shots come in the order and at the time described",
                "动作与镜头按描述的先后和时间出现",
            ),
            Aspect(
                "camera_behaviour",
                "Camera",
                "镜头表现",
                "Shot size, angle, movement and cuts as asked for",
                "景别、机位、运镜和切换符合要求",
            ),
            Aspect(
                "environment",
                "Environment",
                "环境描绘",
                "Place, weather, light and background as described",
                "地点、天气、光线和背景与描述一致",
            ),
        ),
        anchors=(
            ("Unrelated: hardly anything of the prompt is there", "无关：几乎看不到提示的内容"),
            ("Poor: the main subject or action is missing or wrong", "差：主要主体或动作缺失或错误"),
            ("Fair: the main point is there, several details are not", "一般：主要内容在，但多处细节不符"),
            ("Good: all that matters is there; a small detail is off", "好：重要内容都在，个别细节有出入"),
            ("Excellent: every detail, order and camera as asked for", "优秀：细节、先后、镜头全部符合"),
        ),
    ),
    Rubric(
        key="aesthetic_quality",
        name_en="Aesthetic quality",
        name_zh="美学质量",
        definition_en="How good does the picture look: texture, materials, light, composition? Ignore the "
        "prompt and the motion.",
        definition_zh="画面观感如何：质感、材质、光影、构图。不考虑提示和运动。",
        aspects=(
            Aspect(
                "visual_texture",
                "Texture",
                "画面质感",
                "Clear and clean; no blur, noise, banding or oily surface",
                "清晰干净，没有模糊、噪点、色带或油腻感",
            ),
            Aspect(
                "ai_sense",
                "AI sense",
                "AI 感",
                "How much it looks made by a machine: waxy skin, plastic light, too smooth",
                "机器生成的痕迹：蜡像皮肤、塑料光感、过度平滑",
            ),
            Aspect(
                "material_detail",
                "Material detail",
                "材质细节",
                "Skin, cloth, metal, water look like what they are",
                "皮肤、织物、金属、水等材质真实可辨",
            ),
            Aspect(
                "artistic_expression",
                "Artistic expression",
                "艺术表现",
                "Composition, light and colour carry a mood or an idea",
                "构图、光影和色彩传达情绪或意图",
            ),
        ),
        anchors=(
            ("Repellent: hard to look at", "难看：不堪入目"),
            ("Poor: plainly artificial, blurred or badly lit", "差：明显虚假、模糊或光线糟糕"),
            ("Fair: acceptable; looks made by a machine", "一般：尚可，但 AI 感明显"),
            ("Good: pleasing, fine detail, small lapses", "好：赏心悦目，细节到位，偶有不足"),
            ("Excellent: could be in a film", "优秀：达到影片水准"),
        ),
    ),
    Rubric(
        key="preservation",
        name_en="Preservation",
        name_zh="首帧保持",
        definition_en="Does the clip keep the picture it starts from?",
        definition_zh="视频是否保持起始图像的内容。",
        aspects=(
            Aspect(
                "subject_consistency",
                "Subject",
                "主体一致",
                "Faces, figures and things stay who and what they are",
                "人脸、人物和物体始终是同一个",
            ),
            Aspect(
                "style_coherence",
                "Style",
                "风格连贯",
                "The picture's style does not drift",
                "图像风格不漂移",
            ),
            Aspect(
                "material_fidelity",
                "Material",
                "材质保真",
                "Materials and surfaces stay what they were",
                "材质与表面保持不变",
            ),
            Aspect(
                "content_alignment",
                "Content",
                "内容对应",
                "Layout and background stay; nothing is added or lost without reason",
                "布局与背景保持，没有无故增减",
            ),
            Aspect(
                "colour_and_light",
                "Colour and light",
                "色彩与光线",
                "Colours, exposure and direction of light stay",
                "色彩、曝光和光线方向保持一致",
            ),
        ),
        anchors=(
            ("Lost: another picture after a moment", "丧失：片刻后已是另一幅画面"),
            ("Poor: the subject or style changes visibly", "差：主体或风格明显改变"),
            ("Fair: recognisable, with drift in several respects", "一般：可以辨认，但多方面有漂移"),
            ("Good: kept, with slight shifts", "好：基本保持，仅有细微变化"),
            ("Excellent: kept in every respect", "优秀：各方面完全保持"),
        ),
        only_for="i2v",
    ),
)

OVERALL = Rubric(
    key="overall",
    name_en="Overall",
    name_zh="总体",
    definition_en="All in all, which clip is better?",
    definition_zh="综合来看，哪个片段更好。",
    aspects=(),
    anchors=(),
)
"""Asked in good/same/bad besides."""

_BY_KEY = {one.key: one for one in RUBRIC}
