from schemas import Notiz, NotizNeu

# Alles im Arbeitsspeicher, nach einem Neustart ist es weg
notizen: dict[int, Notiz] = {
    1: Notiz(nr=1, text='Milch kaufen'),
    2: Notiz(nr=2, text='Zahnarzt um 14 Uhr', wichtig=True),
}


def speichern(neu: NotizNeu) -> Notiz:
    nr = max(notizen, default=0) + 1
    notizen[nr] = Notiz(nr=nr, **neu.model_dump())
    return notizen[nr]
