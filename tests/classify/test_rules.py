import pytest

from llm_router.classify.difficulty import LEVELS
from llm_router.classify.rules import TASKS, classify

ENGLISH = {
    "query": """what does the -z flag of tar do
        how do I squash my last three commits?
        who wrote Dune
        what port does postgres use
        is 17 prime?
        is there a way to list only merged branches?
        which image formats support transparency?
        what is the difference between a video codec and a container?""",
    "research": """survey recent papers on speculative decoding
        compare the current prices of the main GPU clouds
        find three studies on remote work productivity and cite them
        what are people saying about the new Zed release this week, with links""",
    "generate": """write a song about debugging at midnight
        suggest ten names for a bakery
        draft a README for this project
        write a podcast script about gardening
        translate the paragraph below into Dutch
        write a commit message for these changes""",
    "analyze": """should we use Kafka or a Postgres queue here?
        why is my build twice as slow since the upgrade?
        review this pull request
        prove that the square root of 3 is irrational
        is this migration safe to run while traffic is live?
        what are the security implications of storing sessions in localStorage?""",
    "code": """bump the version to 2.3.1
        Render the user list in a table
        make the logo smaller on mobile
        build a docker image for the worker
        add an image upload component
        create a video player component in React
        write a function that resizes images
        play a sound when the timer ends
        in the settings page, hide the beta toggle for guests
        can you make the sidebar collapsible
        now do the same for the other handler
        regex for an ISO date""",
    "image": """paint a watercolor of a harbour at dawn
        I'd like an app icon with a blue whale
        design a poster for our hackathon, retro style
        generate an image: two foxes sharing an umbrella""",
    "video": """animate a paper plane flying across a city
        make a 10 second clip of waves
        text-to-video: a tram crossing a bridge""",
    "audio": """create a jingle for a podcast about gardening
        read this paragraph aloud in a calm voice
        make a short beep sound effect""",
}

OTHER_LANGUAGES = {
    "query": """Was bedeutet der Statuscode 418?
        ¿Qué es un puntero nulo?
        Comment afficher les branches distantes avec git ?
        Qual é a porta padrão do Redis?
        Che cos'è un mutex?
        Wat is een closure?
        Jak usunąć lokalną gałąź w git?
        Что такое замыкание?
        Що таке замикання?
        什么是闭包？
        クロージャとは何ですか？
        클로저가 뭐야?
        ما هو المؤشر الفارغ؟
        क्लोजर क्या है?
        Con trỏ null là gì?
        Git'te son commit nasıl geri alınır?""",
    "code": """Behebe den Fehler in der Login-Maske
        Ajoute un bouton de déconnexion dans l'en-tête
        Escribe un script en bash que borre archivos antiguos
        Corrija o erro no cálculo do desconto
        Aggiungi un test per il parser delle date
        Voeg een knop toe om het formulier te wissen
        Napraw błąd w funkcji logowania
        Исправь ошибку в функции сортировки
        修复登录函数里的空指针错误
        ログイン関数のバグを修正して
        로그인 함수의 버그를 수정해줘
        أصلح الخطأ في دالة تسجيل الدخول
        लॉगिन फ़ंक्शन में बग ठीक करो""",
    "generate": """Schreib eine Einladung zum Sommerfest für das Team
        Écris un poème sur l'automne
        Escribe una carta de presentación para un puesto de analista
        Scrivi una poesia sul mare
        Напиши письмо коллегам о переносе встречи
        写一首关于春天的诗
        この文章を英語に翻訳して
        가을에 관한 시를 써줘
        اكتب رسالة شكر للعميل
        बारिश पर एक कविता लिखो""",
    "analyze": """Warum ist diese Abfrage so langsam?
        ¿Por qué se bloquea la aplicación al iniciar?
        Сравни Kafka и RabbitMQ для наших задач
        为什么这个查询这么慢？
        なぜこのテストは失敗するのですか？
        왜 이 쿼리가 이렇게 느려?
        لماذا هذا الاستعلام بطيء؟""",
    "research": """Recherchiere die aktuellen Preise von Vektordatenbanken mit Quellen
        Найди последние исследования о квантовых компьютерах с источниками
        调研国内新能源汽车市场的现状与趋势""",
    "image": """Zeichne ein Bild von einem roten Fuchs im Schnee
        Dessine un chat qui lit un journal
        Нарисуй кота в шляпе
        画一只戴帽子的猫""",
}


def _cases(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(task, line.strip()) for task, lines in table.items() for line in lines.splitlines()]


@pytest.mark.parametrize(("task", "prompt"), _cases(ENGLISH))
def test_a_prompt_gets_the_task_a_reader_would_give_it(task, prompt):
    assert classify(prompt)[0] == task


@pytest.mark.parametrize(("task", "prompt"), _cases(OTHER_LANGUAGES))
def test_prompts_in_other_languages_are_not_all_simple_questions(task, prompt):
    assert classify(prompt)[0] == task


@pytest.mark.parametrize(
    "prompt",
    [
        "rename getUser to fetchUser",
        "fix the typo in the heading",
        "make the 'Distributed Consensus Engine' label green",
        "delete the file kernel_memory_ordering.c",
        "what does the word 'linearizable' mean?",
        "wie heißt die Hauptstadt von Norwegen?",
        "draw a small green turtle",
        "suggest five names for a cat",
    ],
)
def test_small_work_is_simple_however_heavy_its_words(prompt):
    assert classify(prompt)[1] == "simple"


@pytest.mark.parametrize(
    "prompt",
    [
        "make this ring buffer lock-free for several readers",
        "prove that the new rebalancing never loses an invariant",
        "make delivery exactly-once",
        "рассчитай и докажи, что очередь без блокировок корректна",
        "beweise, dass dieser Algorithmus ohne Deadlock auskommt",
        "Let $x,y$ be positive integers with $x^2+y^2=1009$. Compute $\\frac{x}{y}+\\sqrt{xy}$.",
    ],
)
def test_deep_work_is_hard_however_short_its_text(prompt):
    assert LEVELS.index(classify(prompt)[1]) >= LEVELS.index("complex")


@pytest.mark.parametrize(
    "claim", ["super simple: ", "ultrathink. ", "use the cheapest model: ", "this is trivial, "]
)
def test_what_a_prompt_says_about_its_own_difficulty_does_not_count(claim):
    for prompt in ("make this ring buffer lock-free for several readers", "rename getUser to fetchUser"):
        assert classify(claim + prompt)[1] == classify(prompt)[1]


LOG = "\n".join(
    f"2031-04-0{n % 9 + 1} 10:00:{n:02d},001 INFO [pool-{n % 3}] app.Main - tick {n} took {n * 7} ms"
    for n in range(60)
)
DIFF = "\n".join(
    f"-    total_{n} = price_{n} * count\n+    total_{n} = price_{n} * count * rate" for n in range(40)
)


@pytest.mark.parametrize("paste", [LOG, DIFF])
@pytest.mark.parametrize("order", ["{question}\n\n{paste}", "{paste}\n\n{question}"])
def test_a_long_paste_is_judged_by_its_question(paste, order):
    question = "which timezone is this?"
    assert (
        classify(order.format(paste=paste, question=question))[:2]
        == classify(question)[:2]
        == ("query", "simple")
    )


def test_a_question_before_a_megabyte_or_after_it_is_found():
    megabyte = LOG * 200
    assert classify(f"{megabyte}\n\nwrite release notes for this")[0] == "generate"
    assert classify(f"write release notes for this:\n\n{megabyte}")[0] == "generate"


def test_words_of_a_system_reminder_do_not_count():
    reminder = "<system-reminder>\nProve every theorem, draw a picture of a cat.\n</system-reminder>\n"
    assert classify(f"{reminder}what port does ssh use?")[:2] == ("query", "simple")


def test_words_inside_a_code_block_do_not_count():
    prompt = (
        "rename the helper\n```python\ndef prove_theorem():\n    'draw a picture, why is it wait-free?'\n```"
    )
    assert classify(prompt)[:2] == ("code", "simple")


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t\n", "\x00\x01\x02\x7f\x03" * 50, "🎉🎉", "???", "...", "/compact", "---"]
)
def test_text_that_asks_nothing_is_simple_with_low_confidence(text):
    task, complexity, confidence, difficulty, _ = classify(text)
    assert complexity == "simple"
    assert confidence <= 0.3
    assert difficulty < 0.25
    assert task in TASKS


def test_a_slash_command_with_words_is_judged_by_them_with_less_confidence():
    with_slash, without = classify("/review the login module"), classify("review the login module")
    assert with_slash[0] == without[0] == "analyze"
    assert with_slash[2] < without[2]


def test_a_path_is_no_slash_command():
    assert classify("/etc/nginx/nginx.conf has a wrong port, fix it")[0] == "code"


@pytest.mark.parametrize("text", ["yup, do it", "ok", "yes please", "go ahead", "sure, proceed"])
def test_an_agreement_is_small_code_work_of_which_one_cannot_be_sure(text):
    task, complexity, confidence, _, _ = classify(text)
    assert (task, complexity) == ("code", "simple") or (task, complexity) == ("code", "moderate")
    assert confidence <= 0.6


def test_a_stack_trace_alone_is_something_to_repair():
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/main.py", line 12, in <module>\n    run()\n'
        '  File "/srv/app/core.py", line 88, in run\n    return table[key]\n'
        "KeyError: 'colour'"
    )
    assert classify(trace)[0] in {"code", "analyze"}


def test_code_alone_is_code():
    code = "def area(w, h):\n    return w * h\n\n\nclass Box:\n    def __init__(self):\n        self.w = 1\n        self.h = 2\n"
    assert classify(code)[0] == "code"


def test_difficulty_and_complexity_tell_the_same():
    edges = {
        "simple": (0, 0.25),
        "moderate": (0.25, 0.5),
        "complex": (0.5, 0.75),
        "deep_reasoning": (0.75, 1.01),
    }
    for _, prompt in _cases(ENGLISH) + _cases(OTHER_LANGUAGES):
        _, complexity, _, difficulty, _ = classify(prompt)
        low, high = edges[complexity]
        assert low <= difficulty < high


def test_an_unambiguous_prompt_is_surer_than_a_mixed_one():
    assert classify("draw a picture of a whale")[2] > classify("the logo, maybe explain or change it")[2]


@pytest.mark.parametrize("text", ["hi", "Hello!", "thanks a lot.", "Danke", "你好！", "hey there"])
def test_a_greeting_is_a_small_question_and_no_code(text):
    task, complexity, _, _, reasons = classify(text)
    assert (task, complexity, reasons) == ("query", "simple", ("greeting",))
    assert classify("hello world in Rust")[0] == "code"
